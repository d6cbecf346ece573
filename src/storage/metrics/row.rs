//! A metric as a row: columns in, the API's JSON out.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::clock::rfc3339;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::{HISTORY_SHOWN, HistoryEntry};
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::metrics;

/// A stored metric; serialises to what the API answers. The sections are handed through as they are
/// stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = metrics, check_for_backend(diesel::pg::Pg))]
pub struct MetricRow {
    /// Chosen by the client.
    pub metric_id: String,
    name: String,
    short_name: String,
    description: String,
    pub category: String,
    /// Tier-1, Tier-2 or Tier-3.
    pub tier: String,
    business_domain: String,
    metric_type: String,
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
    notes: Option<String>,
    example_queries: Document,
    pub version: String,
    pub(super) revision: i32,
    created_at: DateTime<Utc>,
    created_by: String,
    updated_at: DateTime<Utc>,
    updated_by: String,
    change_history: Document,
}

#[derive(Serialize)]
struct Metadata<'a> {
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

impl Serialize for MetricRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, text) in [
            ("metric_id", &self.metric_id),
            ("name", &self.name),
            ("short_name", &self.short_name),
            ("description", &self.description),
            ("category", &self.category),
            ("tier", &self.tier),
            ("business_domain", &self.business_domain),
            ("metric_type", &self.metric_type),
        ] {
            map.serialize_entry(key, text)?;
        }
        for (key, section) in [
            ("tags", &self.tags),
            ("alignment", &self.alignment),
            ("definition", &self.definition),
            ("data", &self.data),
            ("governance", &self.governance),
            ("dimensions", &self.dimensions),
            ("targets_and_alerts", &self.targets_and_alerts),
            ("visualization", &self.visualization),
            ("relationships", &self.relationships),
            ("operational_usage", &self.operational_usage),
        ] {
            map.serialize_entry(key, section)?;
        }
        let metadata = Metadata {
            notes: self.notes.as_deref(),
            example_queries: &self.example_queries,
            version: &self.version,
            created_at: rfc3339(self.created_at),
            created_by: &self.created_by,
            last_updated: rfc3339(self.updated_at),
            last_updated_by: &self.updated_by,
            change_history: &self.change_history,
        };
        map.serialize_entry("metadata", &metadata)?;
        map.end()
    }
}

impl MetricRow {
    /// What a client wrote.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] where what is stored breaks the rules.
    pub fn to_metric(&self) -> Result<Metric, StorageError> {
        let stored = serde_json::to_string(self).and_then(|text| serde_json::from_str(&text));
        stored.map_err(|_| StorageError::Corrupt("a metric"))
    }
}

/// What a client wrote, as columns.
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
    pub(super) fn of(metric: &'a Metric) -> Result<Self, StorageError> {
        Ok(Self {
            name: metric.name.as_str(),
            short_name: metric.short_name.as_str(),
            description: metric.description.as_str(),
            category: metric.category.as_str(),
            tier: metric.tier.as_ref(),
            business_domain: metric.business_domain.as_str(),
            metric_type: metric.metric_type.as_ref(),
            tags: Document::of(&metric.tags)?,
            alignment: Document::of(&metric.alignment)?,
            definition: Document::of(&metric.definition)?,
            data: Document::of(&metric.data)?,
            governance: Document::of(&metric.governance)?,
            dimensions: Document::of(&metric.dimensions)?,
            targets_and_alerts: Document::of(&metric.targets_and_alerts)?,
            visualization: Document::of(&metric.visualization)?,
            relationships: Document::of(&metric.relationships)?,
            operational_usage: Document::of(&metric.operational_usage)?,
            notes: metric.metadata.notes.as_ref().map(crate::model::rich_text::RichText::as_str),
            example_queries: Document::of(&metric.metadata.example_queries)?,
        })
    }
}

/// The version and what led to it, as columns.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = metrics)]
pub(super) struct History {
    version: String,
    revision: i32,
    change_history: Document,
}

impl History {
    /// Of a metric that is new.
    pub(super) fn starting_with(entry: &HistoryEntry) -> Result<Self, StorageError> {
        Self::of(entry, &[])
    }

    /// Of a metric that is changed; the oldest entry shown makes room.
    pub(super) fn continued(row: &MetricRow, entry: &HistoryEntry) -> Result<Self, StorageError> {
        let former: Vec<HistoryEntry> = serde_json::from_str(row.change_history.text())
            .map_err(|_| StorageError::Corrupt("a metric's change_history"))?;
        Self::of(entry, &former)
    }

    fn of(entry: &HistoryEntry, former: &[HistoryEntry]) -> Result<Self, StorageError> {
        let shown: Vec<&HistoryEntry> =
            std::iter::once(entry).chain(former).take(HISTORY_SHOWN).collect();
        Ok(Self {
            version: entry.version.clone(),
            revision: entry.revision,
            change_history: Document::of(&shown)?,
        })
    }
}

/// Who made it and who changed it, as columns.
#[derive(Insertable)]
#[diesel(table_name = metrics)]
pub(super) struct Authorship<'a> {
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: &'a str,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) updated_by: &'a str,
}
