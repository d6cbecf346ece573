//! How a metric is used: cut, shown, related, decided by.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::text::{HttpUrl, Id, Prose2000, Text2000};

/// What a metric can be cut by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Name of the dimension.
    #[garde(dive)]
    pub name: Text2000,
    /// Its values, if they are a closed set.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub allowed_values: Vec<Text2000>,
    /// Whether every query must name it.
    #[serde(default)]
    #[garde(skip)]
    pub required: bool,
}

/// How and where a metric is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Visualization {
    /// E.g. line.
    #[garde(dive)]
    pub default_chart_type: Text2000,
    /// E.g. last 90 days.
    #[garde(dive)]
    pub default_time_range: Text2000,
    /// Where it hangs.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub dashboard_locations: Vec<DashboardLocation>,
    /// Ways to look closer.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub drilldowns: Vec<Text2000>,
}

/// A dashboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DashboardLocation {
    /// E.g. Grafana.
    #[garde(dive)]
    pub tool: Text2000,
    /// Where it is.
    #[garde(dive)]
    pub url: HttpUrl,
}

/// What a metric depends on, and what depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Relationships {
    /// What moves it.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub upstream_metric_ids: Vec<Id>,
    /// What it moves.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub downstream_metric_ids: Vec<Id>,
    /// What gets worse when it gets better.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub tradeoffs: Vec<Prose2000>,
}

/// Which decisions a metric serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationalUsage {
    /// At least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub decision_use_cases: Vec<Prose2000>,
    /// How often it is looked at.
    #[garde(dive)]
    pub review_cadence: Text2000,
    /// What to do when it moves.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub linked_playbooks: Vec<Playbook>,
}

/// Written advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Its title.
    #[garde(dive)]
    pub name: Text2000,
    /// Where it is.
    #[garde(dive)]
    pub url: HttpUrl,
}
