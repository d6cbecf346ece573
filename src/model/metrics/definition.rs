//! What a metric measures: its purpose, its formula and its sources.

use std::collections::BTreeMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;

use crate::model::object::Object;
use crate::model::text::{Id, Prose2000, Text2000, flaw};

/// Which strategy a metric serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// The pillar of the company's strategy.
    #[garde(dive)]
    pub strategic_pillar: Text2000,
    /// Objectives it measures.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub primary_objective_ids: Vec<Id>,
    /// Key results it feeds.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub related_okr_ids: Vec<Text2000>,
    /// Why anyone should care.
    #[garde(dive)]
    pub why_it_matters: Prose2000,
}

/// How a metric is computed. Formulas are kept byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// In one line. A change of it is a new major version.
    #[garde(dive)]
    pub formula: Prose2000,
    /// With all its conditions.
    #[garde(dive)]
    pub formula_detail: Prose2000,
    /// What is counted.
    #[garde(dive)]
    pub numerator: Term,
    /// What it is divided by.
    #[garde(dive)]
    pub denominator: Term,
    /// Of the result. A change of it is a new major version.
    #[garde(dive)]
    pub unit: Text2000,
    /// Which way is good.
    #[garde(skip)]
    pub expected_direction: Direction,
    /// A worked example: names and numbers.
    #[garde(length(max = 200), custom(names_are_texts))]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub example_calculation: BTreeMap<String, Number>,
}

/// One side of the fraction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The event that is counted or summed.
    #[garde(dive)]
    pub event_name: Text2000,
    /// Which of those events; free objects.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub filters: Vec<Object>,
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More is better.
    Increase,
    /// Less is better.
    Decrease,
}

/// Where a metric's data comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// At least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub primary_sources: Vec<Source>,
    /// Where else it could be had.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub secondary_sources: Vec<Source>,
    /// How old the newest data may be.
    #[garde(dive)]
    pub data_freshness: Text2000,
    /// How often it is computed.
    #[garde(dive)]
    pub update_frequency: Text2000,
    /// Over which spans it may be asked; at least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub time_grain: Vec<Text2000>,
    /// How long it is kept.
    #[garde(dive)]
    pub data_retention: Text2000,
}

/// A table or stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The system that holds it.
    #[garde(dive)]
    pub system: Text2000,
    /// Its name there.
    #[garde(dive)]
    pub table_or_stream: Text2000,
    /// The connection it is read through.
    #[garde(dive)]
    pub connection_id: Text2000,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the context's type is garde's")]
fn names_are_texts(numbers: &BTreeMap<String, Number>, (): &()) -> garde::Result {
    let sound = |name: &String| flaw(name, 2000, false).is_none();
    if numbers.keys().all(sound) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must have names of 1 to 2000 characters, of one line and without invisible ones",
        ))
    }
}
