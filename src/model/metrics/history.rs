//! The past revisions of a metric, as clients see them. They are stored by
//! `storage::metric_revisions`.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

/// A revision of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// 1, 2, 3 … without gaps.
    pub revision: i32,
    /// Version of the metric after the change.
    pub version: String,
    /// Time of the change, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// User name of the author.
    pub changed_by: String,
    /// Kind of change.
    pub change_type: ChangeType,
    /// Paths of the fields that changed, e.g. `definition.formula`.
    pub fields_changed: Vec<String>,
    /// One sentence about the change.
    pub changes_summary: String,
}

/// The kind of a change of a metric.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ChangeType {
    Create,
    Update,
    Delete,
}
