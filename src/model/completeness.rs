//! Drafts: a document whose `governance.status` is `draft` may lack fields that the others need.
//! Which these are says the schema of the type (`required`, and lists with at least one item), so
//! that rule, OpenAPI document and completeness cannot disagree. `structure` refuses what is
//! missing in a body, `missing` finds it in a document of the model.

use serde::Serialize;
use serde_json::Value;
use strum::{AsRefStr, EnumString, VariantNames};
use utoipa::ToSchema;

use super::shape::{Field, Shape};
use super::violations::{MAX_SHOWN, Violation};

/// The fields that a draft needs, too. `governance.status` is not among them: without it a document
/// is no draft.
const NEEDED_IN_DRAFTS: [&str; 3] = ["metric_id", "name", "business_domain"];
/// What garde says about a list that is too short.
pub(super) const TOO_SHORT: &str = "length is lower than 1";
/// What is said about a field that is missing.
pub(super) const REQUIRED: &str = "is required";

/// Which of the fields that a schema calls required a document needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// All of them; the type has no drafts, and its own rules say which lists must not be empty.
    Type,
    /// All of them, and an item in each list that must not be empty.
    All,
    /// Those of a draft.
    Draft,
}

impl Needs {
    /// Returns what a value of this shape needs, according to the status that it gives itself.
    pub(super) fn of(value: &Value, shape: &Shape) -> Self {
        if !shape.fields().iter().any(|field| field.name == "governance") {
            Self::Type
        } else if value.pointer("/governance/status").and_then(Value::as_str) == Some("draft") {
            Self::Draft
        } else {
            Self::All
        }
    }

    /// Whether a required field must be there; `path` is its path.
    pub(super) fn include(self, path: &str) -> bool {
        self != Self::Draft || NEEDED_IN_DRAFTS.contains(&path)
    }
}

/// How much of what `active` and `deprecated` metrics need a metric has. The server computes it; it
/// is no part of the metric.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Completeness {
    /// Share of the required fields that the metric has, rounded down to three decimals. 1 only if
    /// none is missing.
    #[schema(minimum = 0, maximum = 1)]
    pub share: f64,
    /// Paths of the missing fields, at most the first 100.
    #[schema(max_items = 100)]
    pub missing: Vec<String>,
    /// Number of missing fields beyond those in `missing`; absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub missing_omitted: Option<usize>,
}

/// Whether a list has the metrics that lack nothing, or the drafts that lack something.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, EnumString, AsRefStr, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CompletenessFilter {
    Complete,
    Incomplete,
}

impl Completeness {
    /// Returns the completeness of a document that lacks nothing.
    pub fn full() -> Self {
        Self { share: 1.0, missing: Vec::new(), missing_omitted: None }
    }

    /// Computes the completeness of a document.
    pub fn of<T: Serialize + ToSchema + 'static>(document: &T) -> Self {
        Self::from_gaps(gaps(document))
    }

    /// Computes the completeness of what may become a document, and may break other rules yet.
    pub fn of_unfinished<T: ToSchema + 'static>(value: &Value) -> Self {
        Self::from_gaps(gaps_of::<T>(value))
    }

    fn from_gaps(Gaps { required, missing }: Gaps) -> Self {
        let omitted = missing.len().saturating_sub(MAX_SHOWN);
        Self {
            share: share(required.saturating_sub(missing.len()), required),
            missing: missing.into_iter().take(MAX_SHOWN).map(|gap| gap.field).collect(),
            missing_omitted: Some(omitted).filter(|omitted| *omitted > 0),
        }
    }
}

/// Returns what a document lacks that documents other than drafts need, in the order of its fields.
pub(super) fn missing<T: Serialize + ToSchema + 'static>(document: &T) -> Vec<Violation> {
    gaps(document).missing
}

/// Rounded down, so that no share is 1 by rounding. Counts are far below 2^32.
fn share(present: usize, required: usize) -> f64 {
    let thousandths = present.saturating_mul(1000).checked_div(required).unwrap_or(1000);
    f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0
}

/// The required fields of a document that contain no other fields.
#[derive(Debug, Default)]
struct Gaps {
    /// The number of all.
    required: usize,
    missing: Vec<Violation>,
}

fn gaps<T: Serialize + ToSchema + 'static>(document: &T) -> Gaps {
    // Does not fail: a document consists of texts and finite numbers.
    gaps_of::<T>(&serde_json::to_value(document).unwrap_or_default())
}

fn gaps_of<T: ToSchema + 'static>(value: &Value) -> Gaps {
    let mut gaps = Gaps::default();
    gaps.visit(value, &Shape::of::<T>(), "");
    gaps
}

impl Gaps {
    fn visit(&mut self, value: &Value, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Object { fields, .. }, _) => {
                for field in fields {
                    self.visit_field(value.get(&field.name), field, path);
                }
            }
            (Shape::List(item), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.visit(value, item, &format!("{path}[{index}]"));
                }
            }
            (Shape::Nullable(inner), _) => self.visit(value, inner, path),
            _ => {}
        }
    }

    fn visit_field(&mut self, value: Option<&Value>, field: &Field, outer: &str) {
        let Field { name, required, at_least_one, shape } = field;
        let path = if outer.is_empty() { name.clone() } else { format!("{outer}.{name}") };
        let is_section = matches!(shape, Shape::Object { .. });
        if *required && !is_section {
            self.required = self.required.saturating_add(1);
            let is_empty = || value.and_then(Value::as_array).is_some_and(Vec::is_empty);
            if value.is_none() {
                self.missing.push(Violation::new(path.as_str(), REQUIRED));
            } else if *at_least_one && is_empty() {
                self.missing.push(Violation::new(path.as_str(), TOO_SHORT));
            }
        }
        match value {
            Some(value) => self.visit(value, shape, &path),
            // Its fields are missing, not the section.
            None if *required && is_section => self.visit(&Value::Null, shape, &path),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
