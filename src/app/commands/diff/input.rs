//! The items of a file that is compared with the database, and what is wrong with them.

use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::DraftItem;
use crate::model::metrics::Metric;
use crate::model::violations::{MAX_SHOWN, Violation};

/// What was read of the file so far.
#[derive(Default)]
pub(super) struct Input {
    /// Number of domains, also of invalid ones.
    domain_count: usize,
    /// Number of metrics, also of invalid ones.
    metric_count: usize,
    /// The first ones.
    pub(super) violations: Vec<Violation>,
}

impl Input {
    /// Returns the valid domains of a batch, and keeps the violations of the others.
    pub(super) fn domains<'a>(
        &mut self,
        items: &'a [DraftItem<BusinessDomain>],
    ) -> Vec<&'a BusinessDomain> {
        valid("domains", &mut self.domain_count, items, &mut self.violations)
    }

    /// Returns the valid metrics of a batch, and keeps the violations of the others.
    pub(super) fn metrics<'a>(&mut self, items: &'a [DraftItem<Metric>]) -> Vec<&'a Metric> {
        valid("metrics", &mut self.metric_count, items, &mut self.violations)
    }
}

fn valid<'a, T>(
    list: &str,
    count: &mut usize,
    items: &'a [DraftItem<T>],
    violations: &mut Vec<Violation>,
) -> Vec<&'a T> {
    let mut valid = Vec::new();
    for item in items {
        match &item.parsed {
            Ok(parsed) => valid.push(parsed.as_ref()),
            Err(found) => {
                let path = format!("{list}[{count}]");
                let room = MAX_SHOWN.saturating_sub(violations.len());
                let found = found.shown.iter().take(room).cloned();
                violations.extend(found.map(|violation| violation.under(&path)));
            }
        }
        *count = count.saturating_add(1);
    }
    valid
}
