//! Response types of metrics. The sections of a metric are sent as they are stored; their schema in
//! the OpenAPI document is that of the model.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::{rfc3339, serialize_micros};
use crate::http::envelope::ChangedMetricBody;
use crate::http::response::changed_body;
use crate::model::warnings::Warnings;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::idempotency_keys::StoredResponse;
use crate::storage::metric_revisions::RevisionRow;
use crate::storage::metrics::MetricRow;

/// A metric as clients see it. The empty texts of a row are those that a draft lacks.
#[derive(Serialize)]
pub(in crate::http) struct MetricResponse<'a> {
    metric_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    short_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    category: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'a str,
    business_domain: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    metric_type: &'a str,
    tags: &'a Document,
    alignment: &'a Document,
    definition: &'a Document,
    data: &'a Document,
    governance: &'a Document,
    dimensions: &'a Document,
    targets_and_alerts: &'a Document,
    visualization: &'a Document,
    relationships: &'a Document,
    operational_usage: &'a Document,
    metadata: MetadataResponse<'a>,
}

#[derive(Serialize)]
struct MetadataResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a str>,
    example_queries: &'a Document,
    version: &'a str,
    created_at: String,
    created_by: &'a str,
    last_updated: String,
    last_updated_by: &'a str,
    change_history: &'a Document,
}

impl<'a> From<&'a MetricRow> for MetricResponse<'a> {
    fn from(row: &'a MetricRow) -> Self {
        Self {
            metric_id: &row.metric_id,
            name: &row.name,
            short_name: &row.short_name,
            description: &row.description,
            category: &row.category,
            tier: &row.tier,
            business_domain: &row.business_domain,
            metric_type: &row.metric_type,
            tags: &row.tags,
            alignment: &row.alignment,
            definition: &row.definition,
            data: &row.data,
            governance: &row.governance,
            dimensions: &row.dimensions,
            targets_and_alerts: &row.targets_and_alerts,
            visualization: &row.visualization,
            relationships: &row.relationships,
            operational_usage: &row.operational_usage,
            metadata: MetadataResponse {
                notes: row.notes.as_deref(),
                example_queries: &row.example_queries,
                version: &row.version,
                created_at: rfc3339(row.created_at),
                created_by: &row.created_by,
                last_updated: rfc3339(row.updated_at),
                last_updated_by: &row.updated_by,
                change_history: &row.change_history,
            },
        }
    }
}

/// Builds the response to a change of a metric, to be stored with the change.
pub(in crate::http) fn changed_metric(
    row: &MetricRow,
    warnings: &Warnings,
) -> Result<StoredResponse, StorageError> {
    let (metric, completeness) = (MetricResponse::from(row), row.completeness()?);
    let body = ChangedMetricBody::new(metric, completeness, warnings.clone());
    changed_body(&body, &row.version)
}

/// A revision of a metric.
#[derive(Serialize)]
pub(super) struct RevisionResponse {
    revision: i32,
    version: String,
    /// In the format of the metric's own `change_history`.
    #[serde(serialize_with = "serialize_micros")]
    changed_at: DateTime<Utc>,
    changed_by: String,
    change_type: String,
    fields_changed: Document,
    changes_summary: String,
}

impl From<RevisionRow> for RevisionResponse {
    fn from(row: RevisionRow) -> Self {
        let RevisionRow {
            revision,
            version,
            changed_at,
            changed_by,
            change_type,
            fields_changed,
            changes_summary,
        } = row;
        Self {
            revision,
            version,
            changed_at,
            changed_by,
            change_type,
            fields_changed,
            changes_summary,
        }
    }
}
