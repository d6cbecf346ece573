//! A metric definition: what a number means, where it comes from, who answers for it.
//!
//! Sections are structs of their own ([`definition`], [`governance`], [`usage`]); [`revision`] says
//! what a change means for the version, [`query`] what a list may be asked.

pub mod definition;
pub mod governance;
pub mod query;
pub mod revision;
mod template;
pub mod usage;

use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, VariantNames};
use utoipa::ToSchema;

use self::definition::{Alignment, Data, Definition};
use self::governance::{Governance, Metadata, TargetsAndAlerts};
use self::usage::{Dimension, OperationalUsage, Relationships, Visualization};
use super::rich_text::RichText;
use super::text::{Id, Text100, Text200, Text2000};

/// A metric definition, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Chosen by the client; never changes.
    #[garde(dive)]
    pub metric_id: Id,
    /// What people call it.
    #[garde(dive)]
    pub name: Text200,
    /// For charts and tables.
    #[garde(dive)]
    pub short_name: Text100,
    /// What it tells, in a few sentences.
    #[garde(dive)]
    pub description: RichText,
    /// Free grouping.
    #[garde(dive)]
    pub category: Text100,
    /// How far up it is looked at.
    #[garde(skip)]
    pub tier: Tier,
    /// The name of an existing business domain.
    #[garde(dive)]
    pub business_domain: Text200,
    /// Whether it foretells, reports or runs things.
    #[garde(skip)]
    pub metric_type: MetricType,
    /// Labels.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub tags: Vec<Text2000>,
    /// Which strategy it serves.
    #[garde(dive)]
    pub alignment: Alignment,
    /// How it is computed.
    #[garde(dive)]
    pub definition: Definition,
    /// Where its data comes from.
    #[garde(dive)]
    pub data: Data,
    /// Who answers for it.
    #[garde(dive)]
    pub governance: Governance,
    /// What it can be cut by.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub dimensions: Vec<Dimension>,
    /// Where it should be, and who hears when it is not.
    #[garde(dive)]
    pub targets_and_alerts: TargetsAndAlerts,
    /// How and where it is shown.
    #[garde(dive)]
    pub visualization: Visualization,
    /// What it depends on, and what depends on it.
    #[garde(dive)]
    pub relationships: Relationships,
    /// Which decisions it serves.
    #[garde(dive)]
    pub operational_usage: OperationalUsage,
    /// Notes, and what the server knows of it.
    #[serde(default)]
    #[garde(dive)]
    pub metadata: Metadata,
}

/// How far up a metric is looked at.
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
    /// An area.
    #[serde(rename = "Tier-2")]
    #[strum(serialize = "Tier-2")]
    Two,
    /// A team.
    #[serde(rename = "Tier-3")]
    #[strum(serialize = "Tier-3")]
    Three,
}

/// What a metric is good for.
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
    /// Foretells.
    Leading,
    /// Reports what happened.
    Lagging,
    /// Runs the day.
    Operational,
}
