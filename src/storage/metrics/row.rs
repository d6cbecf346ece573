//! The columns of a metric, and the conversions between them and the model.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::model::metrics::Metric;
use crate::model::metrics::history::HistoryEntry;
use crate::model::metrics::revision::HISTORY_SHOWN;
use crate::model::rich_text::RichText;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::metrics;

/// A row of `metrics`. The JSON sections are passed through as they are stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = metrics, check_for_backend(diesel::pg::Pg))]
pub struct MetricRow {
    pub metric_id: String,
    pub name: String,
    pub short_name: String,
    pub description: String,
    pub category: String,
    pub tier: String,
    pub business_domain: String,
    pub metric_type: String,
    pub tags: Document,
    pub alignment: Document,
    pub definition: Document,
    pub data: Document,
    pub governance: Document,
    pub dimensions: Document,
    pub targets_and_alerts: Document,
    pub visualization: Document,
    pub relationships: Document,
    pub operational_usage: Document,
    pub notes: Option<String>,
    pub example_queries: Document,
    pub version: String,
    pub(super) revision: i32,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
    pub change_history: Document,
}

/// The columns that a client writes, in the shape of a [`Metric`].
#[derive(Serialize)]
struct Content<'a> {
    metric_id: &'a str,
    name: &'a str,
    short_name: &'a str,
    description: &'a str,
    category: &'a str,
    tier: &'a str,
    business_domain: &'a str,
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
    metadata: ContentMetadata<'a>,
}

#[derive(Serialize)]
struct ContentMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a str>,
    example_queries: &'a Document,
}

impl MetricRow {
    /// Parses the row into the model.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if the stored values break the rules.
    pub fn to_metric(&self) -> Result<Metric, StorageError> {
        let content = Content {
            metric_id: &self.metric_id,
            name: &self.name,
            short_name: &self.short_name,
            description: &self.description,
            category: &self.category,
            tier: &self.tier,
            business_domain: &self.business_domain,
            metric_type: &self.metric_type,
            tags: &self.tags,
            alignment: &self.alignment,
            definition: &self.definition,
            data: &self.data,
            governance: &self.governance,
            dimensions: &self.dimensions,
            targets_and_alerts: &self.targets_and_alerts,
            visualization: &self.visualization,
            relationships: &self.relationships,
            operational_usage: &self.operational_usage,
            metadata: ContentMetadata {
                notes: self.notes.as_deref(),
                example_queries: &self.example_queries,
            },
        };
        let stored = serde_json::to_string(&content).and_then(|text| serde_json::from_str(&text));
        stored.map_err(StorageError::corrupt_by("a metric"))
    }
}

/// The columns that a client writes.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = metrics, treat_none_as_null = true)]
pub(super) struct ContentColumns<'a> {
    name: &'a str,
    short_name: &'a str,
    description: &'a str,
    category: &'a str,
    tier: &'a str,
    business_domain: &'a str,
    metric_type: &'a str,
    tags: Document,
    alignment: Document,
    definition: Document,
    data: Document,
    governance: Document,
    dimensions: Document,
    targets_and_alerts: Document,
    visualization: Document,
    relationships: Document,
    operational_usage: Document,
    notes: Option<&'a str>,
    example_queries: Document,
}

impl<'a> ContentColumns<'a> {
    pub(super) fn new(metric: &'a Metric) -> Result<Self, StorageError> {
        Ok(Self {
            name: metric.name.as_str(),
            short_name: metric.short_name.as_str(),
            description: metric.description.as_str(),
            category: metric.category.as_str(),
            tier: metric.tier.as_ref(),
            business_domain: metric.business_domain.as_str(),
            metric_type: metric.metric_type.as_ref(),
            tags: Document::new(&metric.tags)?,
            alignment: Document::new(&metric.alignment)?,
            definition: Document::new(&metric.definition)?,
            data: Document::new(&metric.data)?,
            governance: Document::new(&metric.governance)?,
            dimensions: Document::new(&metric.dimensions)?,
            targets_and_alerts: Document::new(&metric.targets_and_alerts)?,
            visualization: Document::new(&metric.visualization)?,
            relationships: Document::new(&metric.relationships)?,
            operational_usage: Document::new(&metric.operational_usage)?,
            notes: metric.metadata.notes.as_ref().map(RichText::as_str),
            example_queries: Document::new(&metric.metadata.example_queries)?,
        })
    }
}

/// The columns of the present revision and of the newest entries of the history.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = metrics)]
pub(super) struct HistoryColumns {
    version: String,
    revision: i32,
    change_history: Document,
}

impl HistoryColumns {
    /// Starts the history of a new metric.
    pub(super) fn first(entry: &HistoryEntry) -> Result<Self, StorageError> {
        Self::new(entry, &[])
    }

    /// Adds an entry to the history of a metric; beyond [`HISTORY_SHOWN`] the oldest is dropped.
    pub(super) fn appended(row: &MetricRow, entry: &HistoryEntry) -> Result<Self, StorageError> {
        let former: Vec<HistoryEntry> = serde_json::from_str(row.change_history.text())
            .map_err(StorageError::corrupt_by("a metric's change_history"))?;
        Self::new(entry, &former)
    }

    fn new(entry: &HistoryEntry, former: &[HistoryEntry]) -> Result<Self, StorageError> {
        let shown: Vec<&HistoryEntry> =
            std::iter::once(entry).chain(former).take(HISTORY_SHOWN).collect();
        Ok(Self {
            version: entry.version.clone(),
            revision: entry.revision,
            change_history: Document::new(&shown)?,
        })
    }
}

/// The columns of the authors.
#[derive(Insertable)]
#[diesel(table_name = metrics)]
pub(super) struct AuthorColumns<'a> {
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: &'a str,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) updated_by: &'a str,
}
