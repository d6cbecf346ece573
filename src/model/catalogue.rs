//! A catalogue as a document, for import and export, and the report of an import. Documents are
//! JSON or YAML; `storage::catalogue` writes them to the database.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::business_domains::BusinessDomain;
use super::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use super::json::{self, StrictJson};
use super::metrics::Metric;
use super::patch::Patchable;
use super::violations::{MAX_COUNTED, MAX_SHOWN, Violation, Violations, parse};

/// Maximum number of items in a document.
pub const MAX_ITEMS: usize = 200_000;
/// Maximum number of violations that are described for a whole document; for one item
/// [`MAX_SHOWN`].
const MAX_SHOWN_IN_DOCUMENT: usize = 1000;
/// Maximum length of the items of a report, in bytes of JSON: once for items with errors, and once
/// for the others.
const MAX_REPORT: usize = 512 * 1024;

/// All domains and metrics; domains come first, because metrics refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Catalogue {
    pub domains: Vec<BusinessDomain>,
    pub metrics: Vec<Metric>,
}

/// A catalogue to be imported. Each item is parsed by itself, so that an invalid item does not hide
/// the errors of the others.
#[derive(Debug)]
pub struct CatalogueDraft {
    pub domains: Vec<DraftItem<BusinessDomain>>,
    pub metrics: Vec<DraftItem<Metric>>,
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
        let domains = take_list(&mut document, "domains")?;
        let metrics = take_list(&mut document, "metrics")?;
        if let Some(unknown) = document.keys().next() {
            return Err(vec![Violation::new(
                Violation::printable_name(unknown),
                "is not a known field",
            )]);
        }
        if domains.len().saturating_add(metrics.len()) > MAX_ITEMS {
            return Err(vec![Violation::new("", format!("must hold at most {MAX_ITEMS} items"))]);
        }
        let mut budget = ViolationBudget::default();
        let domains = parse_items(domains, "domain_id", &mut budget);
        Ok(Self { domains, metrics: parse_items(metrics, "metric_id", &mut budget) })
    }
}

fn take_list(document: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, Vec<Violation>> {
    match document.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(vec![Violation::new(key, "must be a list")]),
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

/// The result of importing one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemReport {
    /// The position in the document, e.g. `metrics[3]`.
    pub path: String,
    /// The identifier, if the item has one.
    pub id: Option<String>,
    /// What was done or, in a dry run, would be done.
    pub outcome: ItemOutcome,
    /// Violations, with paths from the root of the document; empty unless the outcome is `error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<Violation>,
    /// Number of further errors; absent if none. At most 1,000 errors of a document are described.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors_omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ItemReport {
    /// Returns the approximate length as JSON, in bytes.
    fn json_length(&self) -> usize {
        let errors = self.errors.iter().map(|error| error.field.len() + error.message.len() + 32);
        100 + self.path.len() + self.id.as_ref().map_or(0, String::len) + errors.sum::<usize>()
    }

    /// Returns the violations of all items: the first with their texts, the others empty as from
    /// [`super::violations::validate`].
    pub fn all_violations(items: &[Self]) -> Vec<Violation> {
        let count: usize =
            items.iter().map(|item| item.errors.len().saturating_add(item.errors_omitted)).sum();
        let described = items.iter().flat_map(|item| &item.errors).take(MAX_SHOWN).cloned();
        let mut found: Vec<_> = described.collect();
        found.resize(count.min(MAX_COUNTED), Violation::new("", ""));
        found
    }
}

/// What an import does with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Outcome)]
pub enum ItemOutcome {
    Created,
    Updated,
    /// The stored item is the same.
    Unchanged,
    /// The item breaks a rule.
    Error,
}

/// What an import did or, in a dry run, would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether the import was only tried, without writing anything.
    pub dry_run: bool,
    /// Number of items by outcome.
    pub counts: ImportCounts,
    /// The items in the order of the document, domains first. Of a large document as many as fit
    /// into a report of 1 MiB, of which items with errors may take half.
    pub items: Vec<ItemReport>,
    /// Number of omitted items; absent if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub items_omitted: usize,
}

/// The number of items by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Counts)]
pub struct ImportCounts {
    pub created: usize,
    pub updated: usize,
    /// Items that are stored as they are.
    pub unchanged: usize,
    /// Items that break a rule.
    pub errors: usize,
}

impl ImportCounts {
    /// Counts the items of a report.
    pub fn from_items(items: &[ItemReport]) -> Self {
        let count = |outcome| items.iter().filter(|item| item.outcome == outcome).count();
        Self {
            created: count(ItemOutcome::Created),
            updated: count(ItemOutcome::Updated),
            unchanged: count(ItemOutcome::Unchanged),
            errors: count(ItemOutcome::Error),
        }
    }
}

impl ImportReport {
    /// Creates a report, and omits items that would make it too long.
    pub fn new(dry_run: bool, mut items: Vec<ItemReport>) -> Self {
        let counts = ImportCounts::from_items(&items);
        let (all, mut with_errors, mut others) = (items.len(), 0_usize, 0_usize);
        items.retain(|item| {
            let length =
                if item.outcome == ItemOutcome::Error { &mut with_errors } else { &mut others };
            *length = length.saturating_add(item.json_length());
            *length <= MAX_REPORT
        });
        let items_omitted = all.saturating_sub(items.len());
        Self { dry_run, counts, items, items_omitted }
    }
}

#[cfg(test)]
mod tests;
