//! A catalogue as a document: what is imported and exported.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::business_domains::BusinessDomain;
use super::json::{self, Strict};
use super::metrics::Metric;
use super::violations::{MAX_COUNTED, MAX_SHOWN, Violation, Violations, parse};

/// How many items one document may hold.
pub const MAX_ITEMS: usize = 200_000;
/// How many violations are described of all items of one document together; of one item at most
/// [`MAX_SHOWN`].
const MAX_SHOWN_IN_ALL: usize = 1000;
/// How long the items of one report may be, in bytes of JSON: those with errors, and the others.
const MAX_REPORT: usize = 512 * 1024;

/// Domains and metrics, domains first, because metrics refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Catalogue {
    /// The business domains.
    pub domains: Vec<BusinessDomain>,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// A catalogue as it was sent: each item is judged by itself, so that one bad item does not hide
/// the others.
#[derive(Debug)]
pub struct Draft {
    /// The domains, each parsed or with what is wrong with it.
    pub domains: Vec<DraftItem<BusinessDomain>>,
    /// The metrics, each parsed or with what is wrong with it.
    pub metrics: Vec<DraftItem<Metric>>,
}

/// One item of a draft.
#[derive(Debug)]
pub struct DraftItem<T> {
    /// Its identifier, as far as one can be made out.
    pub id: Option<String>,
    /// The item, or what is wrong with it. Boxed, so that a document of many items that are none
    /// takes little room.
    pub parsed: Result<Box<T>, Violations>,
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

impl Draft {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with the document as a whole; what is wrong with an item is kept with the
    /// item.
    pub fn read(bytes: &[u8], format: Format) -> Result<Self, Vec<Violation>> {
        let fault = |message: String| vec![Violation::new("", message)];
        let document = match format {
            Format::Json => json::read(bytes).map_err(|error| fault(json::flaw(&error)))?,
            Format::Yaml => {
                let text = std::str::from_utf8(bytes).map_err(|_| fault("must be UTF-8".into()))?;
                let Strict(document) =
                    serde_saphyr::from_str_with_options(text, yaml_options(bytes.len()))
                        .map_err(|error| fault(place_yaml(&error)))?;
                document
            }
        };
        Self::from_value(document)
    }

    fn from_value(document: Value) -> Result<Self, Vec<Violation>> {
        let Value::Object(mut document) = document else {
            return Err(vec![Violation::new("", "must be an object with `domains` and `metrics`")]);
        };
        let domains = items(&mut document, "domains")?;
        let metrics = items(&mut document, "metrics")?;
        if let Some(unknown) = document.keys().next() {
            return Err(vec![Violation::new(Violation::name_of(unknown), "is not a known field")]);
        }
        if domains.len().saturating_add(metrics.len()) > MAX_ITEMS {
            return Err(vec![Violation::new("", format!("must hold at most {MAX_ITEMS} items"))]);
        }
        let mut shown = Shown::default();
        let domains = drafts(domains, "domain_id", &mut shown);
        Ok(Self { domains, metrics: drafts(metrics, "metric_id", &mut shown) })
    }
}

fn items(document: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, Vec<Violation>> {
    match document.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(vec![Violation::new(key, "must be a list")]),
    }
}

/// How many violations of a document are described so far.
#[derive(Debug, Default)]
pub struct Shown(usize);

impl Shown {
    /// The violations of one more item; described while there is room for them in the document's
    /// report.
    pub fn take(&mut self, violations: Vec<Violation>) -> Violations {
        let violations =
            Violations::new(violations, MAX_SHOWN.min(MAX_SHOWN_IN_ALL.saturating_sub(self.0)));
        self.0 = self.0.saturating_add(violations.shown.len());
        violations
    }
}

/// Each item by itself. An identifier that occurs again is an error of the later item: which of the
/// two would win is nobody's guess.
fn drafts<T>(items: Vec<Value>, field: &str, shown: &mut Shown) -> Vec<DraftItem<T>>
where
    T: serde::de::DeserializeOwned + garde::Validate<Context = ()>,
{
    let mut seen = std::collections::HashSet::new();
    let mut draft = |item: Value| {
        let id = item.get(field).and_then(Value::as_str).map(|id| Violation::name_of(id.trim()));
        let repeated = id.as_ref().is_some_and(|id| !seen.insert(id.clone()));
        let parsed = if repeated {
            Err(vec![Violation::new(field, "must not occur twice in one document")])
        } else {
            parse(item).map(Box::new)
        };
        DraftItem { id, parsed: parsed.map_err(|violations| shown.take(violations)) }
    };
    items.into_iter().map(&mut draft).collect()
}

/// As many nodes as a catalogue of this length may have; its lines are longer than eight bytes a
/// node.
fn yaml_options(length: usize) -> serde_saphyr::Options {
    let nodes = 250_000_usize.saturating_add(length / 8);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: nodes, max_events: nodes.saturating_mul(2) },
    }
}

fn place_yaml(error: &serde_saphyr::Error) -> String {
    error.location().map_or_else(
        || "is not valid YAML".to_owned(),
        |place| format!("is not valid YAML at line {}, column {}", place.line(), place.column()),
    )
}

/// What became of one item of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemReport {
    /// Its place in the document, e.g. `metrics[3]`.
    pub path: String,
    /// Its identifier, as far as one could be made out.
    pub id: Option<String>,
    /// What was done, or would be done.
    pub outcome: Outcome,
    /// What is wrong with it, with paths from the document's root; empty unless the outcome is
    /// `error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<Violation>,
    /// How many more errors it has; absent if none. At most 1,000 errors of a document are
    /// described.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors_omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ItemReport {
    /// About how many bytes it takes as JSON.
    fn size(&self) -> usize {
        let errors = self.errors.iter().map(|error| error.field.len() + error.message.len() + 32);
        100 + self.path.len() + self.id.as_ref().map_or(0, String::len) + errors.sum::<usize>()
    }

    /// What is wrong with all items together: the first violations, and the others as
    /// [`super::violations::judge`] has them.
    pub fn violations(items: &[Self]) -> Vec<Violation> {
        let count: usize =
            items.iter().map(|item| item.errors.len().saturating_add(item.errors_omitted)).sum();
        let described = items.iter().flat_map(|item| &item.errors).take(MAX_SHOWN).cloned();
        let mut found: Vec<_> = described.collect();
        found.resize(count.min(MAX_COUNTED), Violation::new("", ""));
        found
    }
}

/// What an import does to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It is there and says something else.
    Updated,
    /// It is there and says the same.
    Unchanged,
    /// It breaks a rule.
    Error,
}

/// What an import did, or, as a dry run, would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether nothing was written because nothing was meant to be.
    pub dry_run: bool,
    /// Items by outcome.
    pub counts: Counts,
    /// The items in the order of the document, domains first; of very many the first, as far as 1
    /// MiB of report goes, those with errors before the others.
    pub items: Vec<ItemReport>,
    /// How many items are left out; absent if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub items_omitted: usize,
}

/// Items by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// New ones.
    pub created: usize,
    /// Changed ones.
    pub updated: usize,
    /// Those that say what was there.
    pub unchanged: usize,
    /// Those that break a rule.
    pub errors: usize,
}

impl Counts {
    /// Counts these items.
    pub fn of(items: &[ItemReport]) -> Self {
        let count = |outcome| items.iter().filter(|item| item.outcome == outcome).count();
        Self {
            created: count(Outcome::Created),
            updated: count(Outcome::Updated),
            unchanged: count(Outcome::Unchanged),
            errors: count(Outcome::Error),
        }
    }
}

impl ImportReport {
    /// Counts the items, and leaves out what would make the report too long.
    pub fn new(dry_run: bool, mut items: Vec<ItemReport>) -> Self {
        let counts = Counts::of(&items);
        let (all, mut wrong, mut sound) = (items.len(), 0_usize, 0_usize);
        items.retain(|item| {
            let taken = if item.outcome == Outcome::Error { &mut wrong } else { &mut sound };
            *taken = taken.saturating_add(item.size());
            *taken <= MAX_REPORT
        });
        let items_omitted = all.saturating_sub(items.len());
        Self { dry_run, counts, items, items_omitted }
    }
}

#[cfg(test)]
mod tests;
