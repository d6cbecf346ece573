//! Metric definitions. Their sections are in [`definition`], [`governance`] and [`usage`];
//! [`revision`] compares two definitions and derives the next version, [`history`] lists the past
//! ones, [`query`] has the parameters of lists, [`relations`] what a metric says about others.
//! Definitions are stored by `storage::metrics`. What Prometheus scrapes is in `telemetry`.

pub mod definition;
pub mod governance;
pub mod history;
pub mod query;
pub mod relations;
pub mod revision;
mod template;
pub mod usage;

use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, VariantNames};
use utoipa::ToSchema;

use self::definition::{Alignment, DataSources, Definition};
use self::governance::{Governance, MetricMetadata, TargetsAndAlerts};
use self::usage::{Dimension, OperationalUsage, Relationships, Visualization};
use super::rich_text::RichText;
use super::text::{Id, Text100, Text200, Text2000};

const NO_LABEL: &str = "none";

/// A metric definition. `required` in its schema binds `active` and `deprecated` ones; a `draft`
/// may lack all but `metric_id`, `name`, `business_domain` and `governance.status`
/// (`completeness`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Chosen by the client; never changes.
    #[garde(dive)]
    pub metric_id: Id,
    /// Name that is displayed.
    #[garde(dive)]
    pub name: Text200,
    /// Name in charts and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub short_name: Option<Text100>,
    /// Meaning of the metric in a few sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub description: Option<RichText>,
    /// Category, freely chosen. A change of it is a new major version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub category: Option<Text100>,
    /// Organisational level at which the metric is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(required = true, nullable = false)]
    pub tier: Option<Tier>,
    /// Name of an existing business domain.
    #[garde(dive)]
    pub business_domain: Text200,
    /// Whether the metric predicts, reports or controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(required = true, nullable = false)]
    pub metric_type: Option<MetricType>,
    /// Labels, freely chosen.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub tags: Vec<Text2000>,
    /// Strategic goals that the metric supports.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub alignment: Alignment,
    /// How the metric is computed.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub definition: Definition,
    /// Sources of the data.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub data: DataSources,
    /// Owners and rules.
    #[garde(dive)]
    pub governance: Governance,
    /// Dimensions by which the metric can be broken down.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub dimensions: Vec<Dimension>,
    /// Target values and alerts.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub targets_and_alerts: TargetsAndAlerts,
    /// How and where the metric is displayed.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub visualization: Visualization,
    /// Relations to other metrics.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub relationships: Relationships,
    /// Decisions that use the metric.
    #[serde(default)]
    #[garde(dive)]
    #[schema(required = true)]
    pub operational_usage: OperationalUsage,
    /// Notes, and fields set by the server.
    #[serde(default)]
    #[garde(dive)]
    pub metadata: MetricMetadata,
}

impl Metric {
    /// Returns tier and category as labels of Prometheus metrics; `none` for what a draft lacks.
    pub fn labels(&self) -> (&str, &str) {
        (
            self.tier.as_ref().map_or(NO_LABEL, Tier::as_ref),
            self.category.as_ref().map_or(NO_LABEL, Text100::as_str),
        )
    }
}

/// The organisational level at which a metric is used.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    EnumString,
    AsRefStr,
    VariantNames,
)]
pub enum Tier {
    /// The whole company.
    #[serde(rename = "Tier-1")]
    #[strum(serialize = "Tier-1")]
    One,
    /// An area of the company.
    #[serde(rename = "Tier-2")]
    #[strum(serialize = "Tier-2")]
    Two,
    /// A single team.
    #[serde(rename = "Tier-3")]
    #[strum(serialize = "Tier-3")]
    Three,
}

/// The purpose of a metric.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    EnumString,
    AsRefStr,
    VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MetricType {
    /// Predicts future results.
    Leading,
    /// Reports past results.
    Lagging,
    /// Controls daily work.
    Operational,
}
