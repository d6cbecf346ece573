//! The sections `governance`, `targets_and_alerts` and `metadata` of a metric: its owners, target
//! values, alert rules, and the fields that the server sets.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use strum::{AsRefStr, EnumString, VariantNames};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use super::history::HistoryEntry;
use crate::model::number::deserialize_some_number;
use crate::model::read_only::ignored;
use crate::model::rich_text::RichText;
use crate::model::text::{Day, Id, Prose2000, Text2000, Timestamp};

/// The owners of a metric, and the rules for its use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Governance {
    /// Classification, e.g. internal or confidential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub data_classification: Option<Text2000>,
    /// Whether the metric uses personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(required = true, nullable = false)]
    pub pii_involved: Option<bool>,
    /// Laws and contracts that restrict its use.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub regulatory_constraints: Vec<Prose2000>,
    /// Team that owns the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub owner_team: Option<Text2000>,
    /// Person responsible for the computation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub technical_owner: Option<Text2000>,
    /// Person responsible for the meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub business_owner: Option<Text2000>,
    /// Version given by the owners; the server's version is `metadata.version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub version: Option<Text2000>,
    /// Whether the metric is in use.
    #[garde(skip)]
    pub status: MetricStatus,
    /// Metric that replaces this one; only of deprecated metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive, custom(only_if_deprecated(self.status)))]
    pub successor_id: Option<Id>,
    /// Day from which on the metric may be gone, in UTC; only of deprecated metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive, custom(only_if_deprecated(self.status)))]
    pub sunset_on: Option<Day>,
    /// Date given by the owners; returned in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub created_at: Option<Timestamp>,
    /// Date given by the owners; returned in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub updated_at: Option<Timestamp>,
}

/// Accepts a field of deprecated metrics.
fn only_if_deprecated<T>(status: MetricStatus) -> impl FnOnce(&Option<T>, &()) -> garde::Result {
    move |value, ()| {
        if value.is_none() || status == MetricStatus::Deprecated {
            Ok(())
        } else {
            Err(garde::Error::new("must be absent unless governance.status is deprecated"))
        }
    }
}

/// Whether a metric is in use.
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
pub enum MetricStatus {
    Active,
    Deprecated,
    Draft,
}

/// The target values of a metric, and the alerts about them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetsAndAlerts {
    /// Value that is aimed at.
    #[serde(
        default,
        deserialize_with = "deserialize_some_number",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(skip)]
    #[schema(required = true, nullable = false, value_type = f64)]
    pub target_value: Option<Number>,
    /// Value that needs attention.
    #[serde(
        default,
        deserialize_with = "deserialize_some_number",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(skip)]
    #[schema(required = true, nullable = false, value_type = f64)]
    pub warning_threshold: Option<Number>,
    /// Value that needs action.
    #[serde(
        default,
        deserialize_with = "deserialize_some_number",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(skip)]
    #[schema(required = true, nullable = false, value_type = f64)]
    pub critical_threshold: Option<Number>,
    /// Value or period that the metric is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub comparison_baseline: Option<Text2000>,
    /// Rules that raise alerts.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub alert_rules: Vec<AlertRule>,
}

/// An alert rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Name in the alerting system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub rule_id: Option<Text2000>,
    /// Condition of the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub condition: Option<Prose2000>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(required = true, nullable = false)]
    pub severity: Option<Severity>,
    /// Channels that are notified.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(required = true, min_items = 1, max_items = 200)]
    pub notify_channels: Vec<Text2000>,
    /// Period over which the condition is evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub evaluation_window: Option<Text2000>,
}

/// The severity of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Critical,
    Warning,
    Info,
}

/// Notes, and fields set by the server, which are ignored in requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Metadata)]
pub struct MetricMetadata {
    /// Further information about the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub notes: Option<RichText>,
    /// Queries that compute the metric.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub example_queries: Vec<ExampleQuery>,
    /// `major.minor.patch`, increased by each change; the `ETag`.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub version: Option<String>,
    /// When the metric was created.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub created_at: Option<String>,
    /// User name of the creator.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub created_by: Option<String>,
    /// When the metric was last changed.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub last_updated: Option<String>,
    /// User name of the last author.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub last_updated_by: Option<String>,
    /// The 20 newest revisions, newest first; `/history` has all.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(schema_with = history_schema)]
    pub change_history: Option<Vec<HistoryEntry>>,
}

/// Describes `change_history`; utoipa has no `read_only` for lists.
fn history_schema() -> Array {
    ArrayBuilder::new()
        .items(Ref::from_schema_name("HistoryEntry"))
        .description(Some("The 20 newest revisions, newest first; `/history` has all."))
        .extensions(Some([("readOnly", true)].into_iter().collect()))
        .build()
}

/// A query that computes the metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleQuery {
    /// Language of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub language: Option<Text2000>,
    /// The query, stored unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    #[schema(required = true, nullable = false)]
    pub query: Option<Prose2000>,
}
