//! The sections `dimensions`, `visualization`, `relationships` and `operational_usage` of a metric.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::text::{HttpUrl, Id, Prose2000, Text2000};

/// A dimension by which a metric can be broken down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Name of the dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub name: Option<Text2000>,
    /// All values, if they are a closed set.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub allowed_values: Vec<Text2000>,
    /// Whether every query must use the dimension.
    #[serde(default)]
    #[garde(skip)]
    pub required: bool,
}

/// How and where a metric is displayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Visualization {
    /// Type of chart, e.g. line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub default_chart_type: Option<Text2000>,
    /// Time range, e.g. last 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub default_time_range: Option<Text2000>,
    /// Dashboards that display the metric.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub dashboard_locations: Vec<DashboardLocation>,
    /// More detailed views.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub drilldowns: Vec<Text2000>,
}

/// A dashboard that displays a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DashboardLocation {
    /// Dashboard tool, e.g. Grafana.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub tool: Option<Text2000>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub url: Option<HttpUrl>,
}

/// The relations of a metric to other metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Relationships {
    /// Metrics that influence this one.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub upstream_metric_ids: Vec<Id>,
    /// Metrics that this one influences.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub downstream_metric_ids: Vec<Id>,
    /// What gets worse when the metric improves.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub tradeoffs: Vec<Prose2000>,
}

/// The decisions that use a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationalUsage {
    /// Decisions that use the metric.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(required = true, min_items = 1, max_items = 200)]
    pub decision_use_cases: Vec<Prose2000>,
    /// How often the metric is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub review_cadence: Option<Text2000>,
    /// Instructions for changes of the metric.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub linked_playbooks: Vec<Playbook>,
}

/// A document with instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Title of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub name: Option<Text2000>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub url: Option<HttpUrl>,
}
