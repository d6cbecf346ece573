//! Which contents of versions can be imported: those that an import of the item accepts, as the
//! service stores them. So each can be shown and restored like one that the service has written.

use serde_json::Value;

use super::server_fields::{ContentCheck, server_field_violations};
use crate::model::business_domains::BusinessDomain;
use crate::model::changes::ItemKind;
use crate::model::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use crate::model::metrics::Metric;
use crate::model::parse::parse;
use crate::model::trusted::trusting;
use crate::model::violations::Violation;
use crate::model::warnings::Warnings;

impl ContentCheck<'_> {
    /// Returns the name of the metric's domain, or of the domain itself.
    ///
    /// # Errors
    /// All violations, with paths in the content.
    pub(super) fn check(&self, text: &str) -> Result<String, Vec<Violation>> {
        let content: Value = serde_json::from_str(text)
            .map_err(|_| vec![Violation::new("", "must be a JSON object")])?;
        let mut violations = server_field_violations(self, &content);
        let mut clean = content.clone();
        Warnings::default().clean_item("", &mut clean);
        if clean != content {
            violations.push(Violation::new("", "must not have HTML that is not allowed"));
        }
        if json_length(&content) > MAX_ITEM_BYTES {
            violations.push(too_large());
        }
        let parsed = match self.kind {
            ItemKind::Metric => trusting(|| parse::<Metric>(clean)).map(|metric| {
                (metric.metric_id.as_str().to_owned(), metric.business_domain.as_str().to_owned())
            }),
            ItemKind::Domain => trusting(|| parse::<BusinessDomain>(clean)).map(|domain| {
                (domain.domain_id.as_str().to_owned(), domain.name.as_str().to_owned())
            }),
        };
        match parsed {
            Ok((id, name)) if violations.is_empty() && id == self.id => Ok(name),
            Ok((id, _)) => {
                if id != self.id {
                    violations.push(Violation::new("", "must have the id of the change"));
                }
                Err(violations)
            }
            Err(found) => {
                violations.extend(found);
                Err(violations)
            }
        }
    }
}
