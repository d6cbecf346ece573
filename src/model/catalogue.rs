//! A catalogue as a document: what is imported and exported.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::business_domains::BusinessDomain;
use super::json::Strict;
use super::metrics::Metric;
use super::violations::{Violation, parse};

/// How many items one document may hold.
pub const MAX_ITEMS: usize = 200_000;

/// Domains and metrics, domains first, because metrics refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Catalogue {
    /// The business domains.
    pub domains: Vec<BusinessDomain>,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// A catalogue as it was sent: each item is judged by itself, so that one bad item does not hide the others.
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
    /// The item, or what is wrong with it. Boxed, so that a document of many items that are none takes little room.
    pub parsed: Result<Box<T>, Vec<Violation>>,
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
    /// What is wrong with the document as a whole; what is wrong with an item is kept with the item.
    pub fn read(bytes: &[u8], format: Format) -> Result<Self, Vec<Violation>> {
        let fault = |message: String| vec![Violation::new("", message)];
        let Strict(document) = match format {
            Format::Json => serde_json::from_slice(bytes).map_err(|error| fault(place_json(&error)))?,
            Format::Yaml => {
                let text = std::str::from_utf8(bytes).map_err(|_| fault("must be UTF-8".into()))?;
                serde_saphyr::from_str(text).map_err(|error| fault(place_yaml(&error)))?
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
        let domains: Vec<_> = domains.into_iter().map(|item| draft(item, "domain_id")).collect();
        let metrics: Vec<_> = metrics.into_iter().map(|item| draft(item, "metric_id")).collect();
        Ok(Self { domains: once(domains, "domain_id"), metrics: once(metrics, "metric_id") })
    }
}

fn items(document: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, Vec<Violation>> {
    match document.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(vec![Violation::new(key, "must be a list")]),
    }
}

fn draft<T>(item: Value, id: &str) -> DraftItem<T>
where
    T: serde::de::DeserializeOwned + garde::Validate<Context = ()>,
{
    let id = item.get(id).and_then(Value::as_str).map(|id| Violation::name_of(id.trim()));
    DraftItem { id, parsed: parse(item).map(Box::new) }
}

/// An identifier that occurs again is an error of the later item: which of the two would win is nobody's guess.
fn once<T>(mut items: Vec<DraftItem<T>>, field: &str) -> Vec<DraftItem<T>> {
    let mut seen = std::collections::HashSet::new();
    for item in &mut items {
        if let Some(id) = &item.id
            && !seen.insert(id.clone())
        {
            item.parsed = Err(vec![Violation::new(field, "must not occur twice in one document")]);
        }
    }
    items
}

fn place_json(error: &serde_json::Error) -> String {
    format!("is not valid JSON at line {}, column {}", error.line(), error.column())
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
    /// What is wrong with it, with paths from the document's root; empty unless the outcome is `error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
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
    /// Every item, in the order of the document, domains first.
    pub items: Vec<ItemReport>,
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
    /// Counts the items.
    pub fn new(dry_run: bool, items: Vec<ItemReport>) -> Self {
        Self { dry_run, counts: Counts::of(&items), items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_item_does_not_hide_the_others() {
        let document = r#"{"domains":[{"domain_id":"a","name":"A"},{"domain_id":"b"},{"domain_id":"a","name":"B"}]}"#;
        let draft = Draft::read(document.as_bytes(), Format::Json).expect("a document");
        let sound: Vec<bool> = draft.domains.iter().map(|item| item.parsed.is_ok()).collect();
        assert_eq!(sound, [true, false, false]);
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml = "domains:\n- domain_id: a\n  name: \"x < y & z\"\n";
        let draft = Draft::read(yaml.as_bytes(), Format::Yaml).expect("a document");
        assert_eq!(draft.domains[0].parsed.as_ref().expect("a domain").name.as_str(), "x < y & z");
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        for bad in ["[]", "{\"metrics\":1}", "{\"colour\":[]}", "{", "{\"metrics\":[],\"metrics\":[]}"] {
            assert!(Draft::read(bad.as_bytes(), Format::Json).is_err(), "{bad}");
        }
        assert!(Draft::read(b"a: [", Format::Yaml).is_err());
        assert!(Draft::read(b"\xff", Format::Yaml).is_err());
    }
}
