//! Reads all changes in the order of the change feed, in batches, each with the content to which it
//! led.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::clock::rfc3339;
use crate::model::changes::ItemKind;
use crate::model::version_records::{RecordFileHeader, VersionRecord};
use crate::model::violations::Violation;
use crate::storage::catalogue_changes::RevisedColumns;
use crate::storage::document::Document;
use crate::storage::schema::catalogue_epochs;
use crate::storage::{StorageError, Transaction};

/// Number of changes that are read at once. Each may have 256 KiB.
const BATCH: i64 = 100;
/// Number of items whose present version has no change that are named.
const MAX_NAMED: usize = 20;

/// A part of the file.
#[derive(Debug)]
pub enum RecordBatch {
    /// The beginning, and the number of changes that follow.
    Header(RecordFileHeader, u64),
    Records(Vec<VersionRecord>),
    /// All changes were read. Without it an export has failed.
    End,
}

/// How far an export has come.
#[derive(Debug, Default)]
pub enum RecordPosition {
    #[default]
    Beginning,
    /// After the change with this position.
    After(i64),
    Ended,
}

/// Returns the next batch; none after [`RecordBatch::End`]. The transaction must read one snapshot.
///
/// # Errors
/// [`StorageError::Invalid`] if the present version of an item has no change, as that of a domain
/// that a process of a former release has changed.
pub async fn next_records(
    conn: &mut Transaction<'_>,
    position: &mut RecordPosition,
) -> Result<Option<RecordBatch>, StorageError> {
    let after = match position {
        RecordPosition::Beginning => {
            ensure_recorded(conn).await?;
            let since = catalogue_epochs::table.select(catalogue_epochs::versions_since);
            let since: Option<DateTime<Utc>> = since.first(conn).await?;
            let changes = sql_query("SELECT count(*) AS total FROM catalogue_changes");
            let RecordTotalRow { total } = changes.get_result(conn).await?;
            *position = RecordPosition::After(0);
            let header = RecordFileHeader::new(since.map(rfc3339));
            return Ok(Some(RecordBatch::Header(header, u64::try_from(total).unwrap_or(0))));
        }
        RecordPosition::After(after) => *after,
        RecordPosition::Ended => return Ok(None),
    };
    let query = sql_query(AFTER).bind::<BigInt, _>(after).bind::<BigInt, _>(BATCH);
    let rows: Vec<RecordRow> = query.load(conn).await?;
    let Some(last) = rows.last() else {
        *position = RecordPosition::Ended;
        return Ok(Some(RecordBatch::End));
    };
    *position = RecordPosition::After(last.position);
    let records = rows.into_iter().filter_map(|row| row.into_record().transpose());
    Ok(Some(RecordBatch::Records(records.collect::<Result<_, _>>()?)))
}

/// Refuses a catalogue with present versions that the file would not have.
async fn ensure_recorded(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    let statement = "SELECT 'metric' AS kind, item.metric_id AS id FROM metrics AS item \
         WHERE NOT EXISTS (SELECT FROM metric_revisions AS this \
             WHERE this.metric_id = item.metric_id AND this.version = item.version \
                 AND this.change_type <> 'delete') \
         UNION ALL SELECT 'domain', item.domain_id FROM business_domains AS item \
         WHERE NOT EXISTS (SELECT FROM business_domain_revisions AS this \
             WHERE this.domain_id = item.domain_id AND this.version = item.version \
                 AND this.change_type <> 'delete') \
         LIMIT $1";
    let limit = i64::try_from(MAX_NAMED).unwrap_or(i64::MAX);
    let rows: Vec<NamedItemRow> = sql_query(statement).bind::<BigInt, _>(limit).load(conn).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let message = "has no entry for its present version, as when a process of a former release \
         has changed it: change it once, then export again";
    let named = |row: NamedItemRow| Violation::new(format!("{} {}", row.kind, row.id), message);
    Err(StorageError::Invalid(rows.into_iter().map(named).collect()))
}

/// Revisions are looked up by their key; one is missing only if a person has deleted it. So are the
/// contents: the present version is the row of the item, others are snapshots.
const AFTER: &str = "SELECT this.position, this.changed_at, this.kind, this.item_id, \
         this.revision, \
         coalesce(metric.version, domain.version::text) AS version, \
         coalesce(metric.changed_by, domain.changed_by) AS changed_by, \
         coalesce(metric.change_type, domain.change_type) AS change_type, \
         coalesce(metric.channel, domain.channel) AS channel, \
         coalesce(metric.fields_changed, domain.fields_changed) AS fields_changed, \
         coalesce(metric.changes_summary, domain.changes_summary) AS changes_summary, \
         (present_metric.metric_id IS NOT NULL OR present_domain.domain_id IS NOT NULL) \
             AS present, \
         CASE WHEN present_metric.metric_id IS NOT NULL THEN metric_document(present_metric) \
             WHEN present_domain.domain_id IS NOT NULL \
                 THEN business_domain_document(present_domain) \
             ELSE coalesce(kept_metric.content, kept_domain.content) END AS content \
     FROM ( \
         SELECT * FROM catalogue_changes WHERE position > $1 ORDER BY position LIMIT $2 \
     ) AS this \
     LEFT JOIN metric_revisions AS metric ON this.kind = 'metric' \
         AND metric.metric_id = this.item_id AND metric.revision = this.revision \
     LEFT JOIN metrics AS present_metric ON present_metric.metric_id = metric.metric_id \
         AND present_metric.version = metric.version AND metric.change_type <> 'delete' \
     LEFT JOIN metric_snapshots AS kept_metric ON kept_metric.metric_id = metric.metric_id \
         AND kept_metric.version = metric.version AND metric.change_type <> 'delete' \
     LEFT JOIN business_domain_revisions AS domain ON this.kind = 'domain' \
         AND domain.domain_id = this.item_id AND domain.revision = this.revision \
     LEFT JOIN business_domains AS present_domain ON present_domain.domain_id = domain.domain_id \
         AND present_domain.version = domain.version AND domain.change_type <> 'delete' \
     LEFT JOIN business_domain_snapshots AS kept_domain \
         ON kept_domain.domain_id = domain.domain_id \
         AND kept_domain.version = domain.version AND domain.change_type <> 'delete' \
     ORDER BY this.position";

#[derive(QueryableByName)]
struct RecordTotalRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct NamedItemRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct RecordRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    item_id: String,
    #[diesel(sql_type = Integer)]
    revision: i32,
    #[diesel(embed)]
    revised: RevisedColumns,
    #[diesel(sql_type = Bool)]
    present: bool,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Document>,
}

impl RecordRow {
    fn into_record(self) -> Result<Option<VersionRecord>, StorageError> {
        let RevisedColumns {
            version: Some(version),
            changed_by: Some(changed_by),
            change_type: Some(change_type),
            channel,
            fields_changed: Some(fields),
            changes_summary: Some(changes_summary),
        } = self.revised
        else {
            return Ok(None);
        };
        let kind: ItemKind = self.kind.parse().map_err(StorageError::corrupt_by("a change"))?;
        let channel = channel.map(|channel| channel.parse()).transpose();
        let fields = serde_json::from_str(fields.text());
        Ok(Some(VersionRecord {
            kind,
            id: self.item_id,
            revision: self.revision,
            version,
            changed_at: rfc3339(self.changed_at),
            changed_by,
            change_type: change_type.parse().map_err(StorageError::corrupt_by("a change"))?,
            channel: channel.map_err(StorageError::corrupt_by("a change"))?,
            fields_changed: fields.map_err(StorageError::corrupt_by("a change"))?,
            changes_summary,
            present: self.present,
            content: self.content.map(Document::into_raw),
        }))
    }
}
