//! The sections `alignment`, `definition` and `data` of a metric: its goals, formula and sources.

use std::collections::BTreeMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;

use crate::model::number::deserialize_numbers;
use crate::model::object::Object;
use crate::model::text::{Id, Prose2000, Text2000, text_violation};

/// The strategic goals that a metric supports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// Pillar of the company's strategy.
    #[garde(dive)]
    pub strategic_pillar: Text2000,
    /// Objectives that the metric measures.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub primary_objective_ids: Vec<Id>,
    /// Key results that use the metric.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub related_okr_ids: Vec<Text2000>,
    /// Why the metric is important.
    #[garde(dive)]
    pub why_it_matters: Prose2000,
}

/// How a metric is computed. Formulas are stored unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Formula in one line. A change of it is a new major version.
    #[garde(dive)]
    pub formula: Prose2000,
    /// Formula with all conditions.
    #[garde(dive)]
    pub formula_detail: Prose2000,
    /// Numerator of the fraction.
    #[garde(dive)]
    pub numerator: Term,
    /// Denominator of the fraction.
    #[garde(dive)]
    pub denominator: Term,
    /// Unit of the result. A change of it is a new major version.
    #[garde(dive)]
    pub unit: Text2000,
    /// Whether an increase or a decrease is an improvement.
    #[garde(skip)]
    pub expected_direction: Direction,
    /// Example calculation: numbers by name.
    #[serde(deserialize_with = "deserialize_numbers")]
    #[garde(length(max = 200), custom(names_are_texts))]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub example_calculation: BTreeMap<String, Number>,
}

/// The numerator or denominator of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Event that is counted or summed.
    #[garde(dive)]
    pub event_name: Text2000,
    /// Conditions of the events; any JSON objects.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub filters: Vec<Object>,
}

/// The direction of an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Increase,
    Decrease,
}

/// The sources of a metric's data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSources {
    /// Sources that are used; at least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub primary_sources: Vec<Source>,
    /// Alternatives to the primary sources.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub secondary_sources: Vec<Source>,
    /// Maximum age of the newest data.
    #[garde(dive)]
    pub data_freshness: Text2000,
    /// How often the metric is computed.
    #[garde(dive)]
    pub update_frequency: Text2000,
    /// Periods for which the metric is available; at least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub time_grain: Vec<Text2000>,
    /// How long the data is kept.
    #[garde(dive)]
    pub data_retention: Text2000,
}

/// A table or stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// System that has the data.
    #[garde(dive)]
    pub system: Text2000,
    /// Name of the table or stream in that system.
    #[garde(dive)]
    pub table_or_stream: Text2000,
    /// Connection through which it is read.
    #[garde(dive)]
    pub connection_id: Text2000,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of garde")]
fn names_are_texts(numbers: &BTreeMap<String, Number>, (): &()) -> garde::Result {
    if numbers.keys().all(|name| text_violation(name, 2000, false).is_none()) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must have names of 1 to 2000 characters, of one line and without invisible ones",
        ))
    }
}
