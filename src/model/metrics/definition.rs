//! The sections `alignment`, `definition` and `data` of a metric: its goals, formula and sources.

use std::collections::BTreeMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;

use crate::model::number::deserialize_some_numbers;
use crate::model::object::Object;
use crate::model::text::{Id, Prose2000, Text2000, text_violation};

/// The strategic goals that a metric supports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// Pillar of the company's strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub strategic_pillar: Option<Text2000>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub why_it_matters: Option<Prose2000>,
}

/// How a metric is computed. Formulas are stored unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Formula in one line. A change of it is a new major version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub formula: Option<Prose2000>,
    /// Formula with all conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub formula_detail: Option<Prose2000>,
    /// Numerator of the fraction.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub numerator: Term,
    /// Denominator of the fraction.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub denominator: Term,
    /// Unit of the result. A change of it is a new major version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub unit: Option<Text2000>,
    /// Whether an increase or a decrease is an improvement.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(required = true, nullable = false)]
    pub expected_direction: Option<Direction>,
    /// Example calculation: numbers by name.
    #[serde(
        default,
        deserialize_with = "deserialize_some_numbers",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(length(max = 200), custom(names_are_texts))]
    #[schema(required = true, nullable = false, value_type = BTreeMap<String, f64>)]
    pub example_calculation: Option<BTreeMap<String, Number>>,
}

/// The numerator or denominator of a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Event that is counted or summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub event_name: Option<Text2000>,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSources {
    /// Sources that are used.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(required = true, min_items = 1, max_items = 200)]
    pub primary_sources: Vec<Source>,
    /// Alternatives to the primary sources.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub secondary_sources: Vec<Source>,
    /// Maximum age of the newest data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub data_freshness: Option<Text2000>,
    /// How often the metric is computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub update_frequency: Option<Text2000>,
    /// Periods for which the metric is available.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(required = true, min_items = 1, max_items = 200)]
    pub time_grain: Vec<Text2000>,
    /// How long the data is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub data_retention: Option<Text2000>,
}

/// A table or stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// System that has the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub system: Option<Text2000>,
    /// Name of the table or stream in that system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub table_or_stream: Option<Text2000>,
    /// Connection through which it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub connection_id: Option<Text2000>,
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "the signature of garde")]
fn names_are_texts(numbers: &Option<BTreeMap<String, Number>>, (): &()) -> garde::Result {
    if numbers
        .iter()
        .flat_map(BTreeMap::keys)
        .all(|name| text_violation(name, 2000, false).is_none())
    {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must have names of 1 to 2000 characters, of one line and without invisible ones",
        ))
    }
}
