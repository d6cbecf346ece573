//! Metric definitions. Their sections are in [`definition`], [`governance`] and [`usage`];
//! [`revision`] compares two definitions and derives the next version, [`history`] lists the past
//! ones, [`query`] has the parameters of lists. Definitions are stored by `storage::metrics`. What
//! Prometheus scrapes is in `telemetry`.

pub mod definition;
pub mod governance;
pub mod history;
pub mod query;
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

/// A complete metric definition.
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
    #[garde(dive)]
    pub short_name: Text100,
    /// Meaning of the metric in a few sentences.
    #[garde(dive)]
    pub description: RichText,
    /// Category, freely chosen. A change of it is a new major version.
    #[garde(dive)]
    pub category: Text100,
    /// Organisational level at which the metric is used.
    #[garde(skip)]
    pub tier: Tier,
    /// Name of an existing business domain.
    #[garde(dive)]
    pub business_domain: Text200,
    /// Whether the metric predicts, reports or controls.
    #[garde(skip)]
    pub metric_type: MetricType,
    /// Labels, freely chosen.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub tags: Vec<Text2000>,
    /// Strategic goals that the metric supports.
    #[garde(dive)]
    pub alignment: Alignment,
    /// How the metric is computed.
    #[garde(dive)]
    pub definition: Definition,
    /// Sources of the data.
    #[garde(dive)]
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
    #[garde(dive)]
    pub targets_and_alerts: TargetsAndAlerts,
    /// How and where the metric is displayed.
    #[garde(dive)]
    pub visualization: Visualization,
    /// Relations to other metrics.
    #[garde(dive)]
    pub relationships: Relationships,
    /// Decisions that use the metric.
    #[garde(dive)]
    pub operational_usage: OperationalUsage,
    /// Notes, and fields set by the server.
    #[serde(default)]
    #[garde(dive)]
    pub metadata: MetricMetadata,
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
