//! Who answers for a metric, what it should be, and what the server knows of it.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use strum::{AsRefStr, EnumString, VariantNames};
use utoipa::ToSchema;

use super::revision::HistoryEntry;
use crate::model::read_only::dropped;
use crate::model::rich_text::RichText;
use crate::model::text::{Prose2000, Text2000, Timestamp};

/// Owners and rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Governance {
    /// E.g. internal or confidential.
    #[garde(dive)]
    pub data_classification: Text2000,
    /// Whether personal data goes into it.
    #[garde(skip)]
    pub pii_involved: bool,
    /// Laws and contracts that bind it.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub regulatory_constraints: Vec<Prose2000>,
    /// The team that owns it.
    #[garde(dive)]
    pub owner_team: Text2000,
    /// Who knows how it is computed.
    #[garde(dive)]
    pub technical_owner: Text2000,
    /// Who decides what it means.
    #[garde(dive)]
    pub business_owner: Text2000,
    /// The owners' own version; the service counts in `metadata.version`.
    #[garde(dive)]
    pub version: Text2000,
    /// Whether it may be used.
    #[garde(skip)]
    pub status: Status,
    /// The owners' own dates, kept as they were sent.
    #[garde(dive)]
    pub created_at: Timestamp,
    /// The owners' own dates, kept as they were sent.
    #[garde(dive)]
    pub updated_at: Timestamp,
}

/// Whether a metric may be used.
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
pub enum Status {
    /// In use.
    Active,
    /// On its way out.
    Deprecated,
    /// Not agreed on yet.
    Draft,
}

/// Where a metric should be, and who hears when it is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetsAndAlerts {
    /// Where it should be.
    #[garde(skip)]
    #[schema(value_type = f64)]
    pub target_value: Number,
    /// Where one should look.
    #[garde(skip)]
    #[schema(value_type = f64)]
    pub warning_threshold: Number,
    /// Where one must act.
    #[garde(skip)]
    #[schema(value_type = f64)]
    pub critical_threshold: Number,
    /// What it is compared with.
    #[garde(dive)]
    pub comparison_baseline: Text2000,
    /// Rules of the alerting.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub alert_rules: Vec<AlertRule>,
}

/// One rule of the alerting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Its name in the alerting system.
    #[garde(dive)]
    pub rule_id: Text2000,
    /// When it fires.
    #[garde(dive)]
    pub condition: Prose2000,
    /// How bad that is.
    #[garde(skip)]
    pub severity: Severity,
    /// Who hears; at least one.
    #[garde(length(min = 1, max = 200), dive)]
    #[schema(min_items = 1, max_items = 200)]
    pub notify_channels: Vec<Text2000>,
    /// Over which time it is judged.
    #[garde(dive)]
    pub evaluation_window: Text2000,
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Act now.
    Critical,
    /// Look today.
    Warning,
    /// Good to know.
    Info,
}

/// Notes, and what the server knows of a metric. What the server sets is read and dropped on input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub notes: Option<RichText>,
    /// How to ask for it.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub example_queries: Vec<ExampleQuery>,
    /// `major.minor.patch`, raised by each change; the `ETag`.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub version: Option<String>,
    /// When it was first stored.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub created_at: Option<String>,
    /// User name of its first author.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub created_by: Option<String>,
    /// When it was last changed.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub last_updated: Option<String>,
    /// User name of the last author.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub last_updated_by: Option<String>,
    /// The newest twenty revisions, newest first; `/history` has them all.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, value_type = Vec<HistoryEntry>)]
    pub change_history: Option<Vec<HistoryEntry>>,
}

/// A query that computes the metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleQuery {
    /// What it is written in.
    #[garde(dive)]
    pub language: Text2000,
    /// The query, kept byte for byte.
    #[garde(dive)]
    pub query: Prose2000,
}
