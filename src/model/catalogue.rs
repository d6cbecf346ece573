//! A catalogue as a document, for import and export. Documents are JSON or YAML;
//! `storage::catalogue` writes them to the database, and `report` says what an import did.

mod report;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use self::report::{ImportCounts, ImportReport, ItemOutcome, ItemReport};
use super::business_domains::BusinessDomain;
use super::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use super::json::{self, StrictJson};
use super::metrics::Metric;
use super::parse::parse;
use super::patch::Patchable;
use super::violations::{MAX_SHOWN, Violation, Violations};
use super::warnings::Warnings;

/// Maximum number of items in a document.
pub const MAX_ITEMS: usize = 200_000;
/// Maximum number of violations that are described for a whole document; for one item
/// [`MAX_SHOWN`].
const MAX_SHOWN_IN_DOCUMENT: usize = 1000;

/// All domains and metrics; domains come first, because metrics refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Catalogue {
    #[schema(required = false)]
    pub domains: Vec<BusinessDomain>,
    #[schema(required = false)]
    pub metrics: Vec<Metric>,
}

/// A catalogue to be imported. Each item is parsed by itself, so that an invalid item does not hide
/// the errors of the others.
#[derive(Debug)]
pub struct CatalogueDraft {
    pub domains: Vec<DraftItem<BusinessDomain>>,
    pub metrics: Vec<DraftItem<Metric>>,
    /// What is removed from the rich texts of the items, with paths from the root of the document.
    pub warnings: Warnings,
}

/// One item of a draft.
#[derive(Debug)]
pub struct DraftItem<T> {
    /// The identifier, if the item has one.
    pub id: Option<String>,
    /// Boxed, so that a document of many invalid items takes little memory.
    pub parsed: Result<Box<T>, Violations>,
}

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// JSON, RFC 8259.
    Json,
    /// YAML of version 1.2.
    Yaml,
}

impl CatalogueDraft {
    /// Parses a document.
    ///
    /// # Errors
    /// Violations of the document as a whole; those of an item are kept with the item.
    pub fn parse(bytes: &[u8], format: DocumentFormat) -> Result<Self, Vec<Violation>> {
        let error = |message: String| vec![Violation::new("", message)];
        let document = match format {
            DocumentFormat::Json => {
                json::parse(bytes).map_err(|cause| error(json::error_message(&cause)))?
            }
            DocumentFormat::Yaml => {
                let text = std::str::from_utf8(bytes).map_err(|_| error("must be UTF-8".into()))?;
                let StrictJson(document) =
                    serde_saphyr::from_str_with_options(text, yaml_options(bytes.len()))
                        .map_err(|cause| error(yaml_error_message(&cause)))?;
                document
            }
        };
        Self::from_value(document)
    }

    fn from_value(document: Value) -> Result<Self, Vec<Violation>> {
        let Value::Object(mut document) = document else {
            return Err(vec![Violation::new("", "must be an object with `domains` and `metrics`")]);
        };
        let mut violations = Vec::new();
        let domains = take_list(&mut document, "domains", &mut violations);
        let metrics = take_list(&mut document, "metrics", &mut violations);
        violations.extend(document.keys().take(MAX_SHOWN).map(|unknown| {
            Violation::new(Violation::printable_name(unknown), "is not a known field")
        }));
        if !violations.is_empty() {
            return Err(violations);
        }
        if domains.len().saturating_add(metrics.len()) > MAX_ITEMS {
            return Err(vec![Violation::new("", format!("must hold at most {MAX_ITEMS} items"))]);
        }
        let (mut budget, mut warnings) = (ViolationBudget::default(), Warnings::default());
        for (list, items) in [("domains", &domains), ("metrics", &metrics)] {
            for (index, item) in items.iter().enumerate() {
                warnings.add_item(&format!("{list}[{index}]"), item);
            }
        }
        let domains = parse_items(domains, "domain_id", &mut budget);
        let metrics = parse_items(metrics, "metric_id", &mut budget);
        Ok(Self { domains, metrics, warnings })
    }
}

fn take_list(
    document: &mut Map<String, Value>,
    key: &str,
    violations: &mut Vec<Violation>,
) -> Vec<Value> {
    match document.remove(key) {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            violations.push(Violation::new(key, "must be a list of objects"));
            Vec::new()
        }
    }
}

/// The number of violations of a document that are described so far, at most
/// `MAX_SHOWN_IN_DOCUMENT`.
#[derive(Debug, Default)]
pub struct ViolationBudget(usize);

impl ViolationBudget {
    /// Returns the violations of a further item, shortened to what is left of the budget.
    pub fn take(&mut self, violations: Vec<Violation>) -> Violations {
        let violations = Violations::new(
            violations,
            MAX_SHOWN.min(MAX_SHOWN_IN_DOCUMENT.saturating_sub(self.0)),
        );
        self.0 = self.0.saturating_add(violations.shown.len());
        violations
    }
}

/// Parses each item by itself. A repeated identifier is an error of the later item, because it
/// would be unclear which of the two is stored.
fn parse_items<T: Patchable>(
    items: Vec<Value>,
    id_field: &str,
    budget: &mut ViolationBudget,
) -> Vec<DraftItem<T>> {
    let mut seen = std::collections::HashSet::new();
    let mut draft = |item: Value| {
        let id = item
            .get(id_field)
            .and_then(Value::as_str)
            .map(|id| Violation::printable_name(id.trim()));
        let repeated = id.as_ref().is_some_and(|id| !seen.insert(id.clone()));
        let parsed = if repeated {
            Err(vec![Violation::new(id_field, "must not occur twice in one document")])
        } else {
            parse_item(item).map(Box::new)
        };
        DraftItem { id, parsed: parsed.map_err(|violations| budget.take(violations)) }
    };
    items.into_iter().map(&mut draft).collect()
}

fn parse_item<T: Patchable>(item: Value) -> Result<T, Vec<Violation>> {
    let item: T = parse(item)?;
    if json_length(&item) > MAX_ITEM_BYTES { Err(vec![too_large()]) } else { Ok(item) }
}

/// Bounds the number of YAML nodes by the length of the document; in a catalogue a node takes more
/// than eight bytes.
fn yaml_options(length: usize) -> serde_saphyr::Options {
    let nodes = 250_000_usize.saturating_add(length / 8);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: nodes, max_events: nodes.saturating_mul(2) },
    }
}

fn yaml_error_message(error: &serde_saphyr::Error) -> String {
    error.location().map_or_else(
        || "is not valid YAML".to_owned(),
        |at| format!("is not valid YAML at line {}, column {}", at.line(), at.column()),
    )
}

#[cfg(test)]
mod tests;
