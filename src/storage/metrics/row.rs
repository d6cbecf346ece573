//! The columns of a metric, and the conversions between them and the model.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::model::metrics::governance::MetricMetadata;
use crate::model::metrics::history::HistoryEntry;
use crate::model::metrics::revision::{HISTORY_SHOWN, MetricDiff};
use crate::model::metrics::{Metric, MetricType, Tier};
use crate::model::rich_text::RichText;
use crate::model::text::{Id, Text};
use crate::model::trusted::from_stored;
use crate::model::versions::RevisionStamp;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::metrics;

/// A row of `metrics`. The JSON sections are passed through as they are stored. A text that a draft
/// lacks is empty, which no other text is.
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

impl MetricRow {
    /// Parses the row into the model. What is stored is trusted: its rules are not checked, and
    /// its rich texts are not sanitised again (`model::trusted`).
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if a stored section has not the structure of the model's.
    pub fn to_metric(&self) -> Result<Metric, StorageError> {
        Ok(Metric {
            metric_id: Id::new(&self.metric_id),
            name: Text::new(&self.name),
            short_name: present(&self.short_name).map(Text::new),
            description: present(&self.description).map(RichText::from_stored),
            category: present(&self.category).map(Text::new),
            tier: choice(&self.tier)?,
            business_domain: Text::new(&self.business_domain),
            metric_type: choice(&self.metric_type)?,
            tags: section(&self.tags)?,
            alignment: section(&self.alignment)?,
            definition: section(&self.definition)?,
            data: section(&self.data)?,
            governance: section(&self.governance)?,
            dimensions: section(&self.dimensions)?,
            targets_and_alerts: section(&self.targets_and_alerts)?,
            visualization: section(&self.visualization)?,
            relationships: section(&self.relationships)?,
            operational_usage: section(&self.operational_usage)?,
            metadata: MetricMetadata {
                notes: self.notes.as_deref().map(RichText::from_stored),
                example_queries: section(&self.example_queries)?,
                ..MetricMetadata::default()
            },
        })
    }
}

fn present(stored: &str) -> Option<&str> {
    Some(stored).filter(|text| !text.is_empty())
}

fn choice<T>(stored: &str) -> Result<Option<T>, StorageError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let parsed = present(stored).map(T::from_str).transpose();
    parsed.map_err(StorageError::corrupt_by("a metric"))
}

fn section<T: DeserializeOwned>(stored: &Document) -> Result<T, StorageError> {
    from_stored(stored.text()).map_err(StorageError::corrupt_by("a metric"))
}

/// The columns that a client writes.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = metrics, treat_none_as_null = true)]
pub(super) struct ContentColumns<'a> {
    pub(super) name: &'a str,
    pub(super) short_name: &'a str,
    pub(super) description: &'a str,
    pub(super) category: &'a str,
    pub(super) tier: &'a str,
    pub(super) business_domain: &'a str,
    pub(super) metric_type: &'a str,
    pub(super) tags: Document,
    pub(super) alignment: Document,
    pub(super) definition: Document,
    pub(super) data: Document,
    pub(super) governance: Document,
    pub(super) dimensions: Document,
    pub(super) targets_and_alerts: Document,
    pub(super) visualization: Document,
    pub(super) relationships: Document,
    pub(super) operational_usage: Document,
    pub(super) notes: Option<&'a str>,
    pub(super) example_queries: Document,
}

impl<'a> ContentColumns<'a> {
    /// Returns the columns of a new metric.
    pub(super) fn new(metric: &'a Metric) -> Result<Self, StorageError> {
        Self::with(metric, |_| None)
    }

    /// Returns the columns of a metric that differs from a row by `diff`. Only sections that differ
    /// are serialised. All columns are written, so that every change is the same statement.
    pub(super) fn changed(
        row: &MetricRow,
        metric: &'a Metric,
        diff: &MetricDiff,
    ) -> Result<Self, StorageError> {
        Self::with(metric, |field| {
            let stored = match field {
                "tags" => &row.tags,
                "alignment" => &row.alignment,
                "definition" => &row.definition,
                "data" => &row.data,
                "governance" => &row.governance,
                "dimensions" => &row.dimensions,
                "targets_and_alerts" => &row.targets_and_alerts,
                "visualization" => &row.visualization,
                "relationships" => &row.relationships,
                "operational_usage" => &row.operational_usage,
                "metadata.example_queries" => &row.example_queries,
                _ => return None,
            };
            (!diff.touches(field)).then(|| stored.clone())
        })
    }

    /// `unchanged` returns the stored JSON of a field that stays as it is.
    fn with(
        metric: &'a Metric,
        unchanged: impl Fn(&str) -> Option<Document>,
    ) -> Result<Self, StorageError> {
        fn document<T: Serialize>(
            unchanged: Option<Document>,
            value: &T,
        ) -> Result<Document, StorageError> {
            unchanged.map_or_else(|| Document::new(value), Ok)
        }
        let queries = &metric.metadata.example_queries;
        Ok(Self {
            name: metric.name.as_str(),
            short_name: metric.short_name.as_ref().map_or("", Text::as_str),
            description: metric.description.as_ref().map_or("", RichText::as_str),
            category: metric.category.as_ref().map_or("", Text::as_str),
            tier: metric.tier.as_ref().map_or("", Tier::as_ref),
            business_domain: metric.business_domain.as_str(),
            metric_type: metric.metric_type.as_ref().map_or("", MetricType::as_ref),
            tags: document(unchanged("tags"), &metric.tags)?,
            alignment: document(unchanged("alignment"), &metric.alignment)?,
            definition: document(unchanged("definition"), &metric.definition)?,
            data: document(unchanged("data"), &metric.data)?,
            governance: document(unchanged("governance"), &metric.governance)?,
            dimensions: document(unchanged("dimensions"), &metric.dimensions)?,
            targets_and_alerts: document(
                unchanged("targets_and_alerts"),
                &metric.targets_and_alerts,
            )?,
            visualization: document(unchanged("visualization"), &metric.visualization)?,
            relationships: document(unchanged("relationships"), &metric.relationships)?,
            operational_usage: document(unchanged("operational_usage"), &metric.operational_usage)?,
            notes: metric.metadata.notes.as_ref().map(RichText::as_str),
            example_queries: document(unchanged("metadata.example_queries"), queries)?,
        })
    }
}

/// The columns of the present revision and of the newest entries of the history.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = metrics)]
pub(super) struct HistoryColumns {
    pub(super) version: String,
    pub(super) revision: i32,
    pub(super) change_history: Document,
}

impl HistoryColumns {
    /// Starts the history of a new metric.
    pub(super) fn first(entry: &HistoryEntry) -> Result<Self, StorageError> {
        Self::new(entry, &[])
    }

    /// Adds an entry to the history of a metric; beyond [`HISTORY_SHOWN`] the oldest is dropped.
    /// The other entries are taken as they are stored.
    pub(super) fn appended(row: &MetricRow, entry: &HistoryEntry) -> Result<Self, StorageError> {
        let former: Vec<&RawValue> = serde_json::from_str(row.change_history.text())
            .map_err(StorageError::corrupt_by("a metric's change_history"))?;
        Self::new(entry, &former)
    }

    fn new(entry: &HistoryEntry, former: &[&RawValue]) -> Result<Self, StorageError> {
        let entry_text = Document::new(entry)?;
        let former = former.iter().copied().take(HISTORY_SHOWN - 1);
        let shown: Vec<&RawValue> = std::iter::once(entry_text.raw()).chain(former).collect();
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

impl<'a> AuthorColumns<'a> {
    /// Returns the columns of a new metric.
    pub(super) fn first(stamp: RevisionStamp<'a>) -> Self {
        let RevisionStamp { author, now, .. } = stamp;
        Self { created_at: now, created_by: author, updated_at: now, updated_by: author }
    }
}

#[cfg(test)]
mod tests;
