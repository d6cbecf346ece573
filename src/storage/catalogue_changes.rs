//! The order of all changes of the catalogue, which a trigger writes with the revisions. A reader
//! that has seen a position finds no smaller one later, because positions are given under the
//! writers' lock (`catalogue_epochs`), which is held until the commit.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;
use super::document::Document;
use super::schema::catalogue_changes::dsl;
use crate::clock::rfc3339;
use crate::model::changes::{
    CatalogueChange, ChangeCursor, FeedStart, ItemKind, foreign_change_cursor,
};

/// A part of the change feed.
#[derive(Debug)]
pub struct FeedPart {
    pub changes: Vec<CatalogueChange>,
    /// Where the next part begins.
    pub next: ChangeCursor,
    /// Whether there are more changes now.
    pub has_more: bool,
}

/// Reads at most `limit` changes from `start` on.
///
/// # Errors
/// [`StorageError::Invalid`] for the field `since` if the cursor is not of this database, or of a
/// time that a restored backup has lost.
pub async fn list(
    conn: &mut AsyncPgConnection,
    start: FeedStart,
    limit: i64,
) -> Result<FeedPart, StorageError> {
    let after = match start {
        FeedStart::End => {
            let next = end(conn).await?;
            return Ok(FeedPart { changes: Vec::new(), next, has_more: false });
        }
        FeedStart::After(cursor) => cursor,
    };
    ensure_known(conn, after).await?;
    // One more than requested says whether there are more.
    let mut rows: Vec<ChangeRow> = diesel::sql_query(AFTER)
        .bind::<BigInt, _>(after.position)
        .bind::<BigInt, _>(limit.saturating_add(1))
        .load(conn)
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map_or(after, ChangeRow::cursor);
    let changes = rows.into_iter().filter_map(|row| row.into_change().transpose());
    Ok(FeedPart { changes: changes.collect::<Result<_, _>>()?, next, has_more })
}

/// Returns the place after the last change.
async fn end(conn: &mut AsyncPgConnection) -> Result<ChangeCursor, StorageError> {
    let last = dsl::catalogue_changes
        .select((dsl::position, dsl::changed_at))
        .order_by(dsl::position.desc())
        .first(conn)
        .await
        .optional()?;
    Ok(last
        .map_or_else(ChangeCursor::default, |(position, time)| ChangeCursor::new(position, time)))
}

async fn ensure_known(
    conn: &mut AsyncPgConnection,
    cursor: ChangeCursor,
) -> Result<(), StorageError> {
    if cursor == ChangeCursor::default() {
        return Ok(());
    }
    let time: Option<DateTime<Utc>> = dsl::catalogue_changes
        .find(cursor.position)
        .select(dsl::changed_at)
        .first(conn)
        .await
        .optional()?;
    match time {
        Some(time) if time.timestamp_micros() == cursor.time => Ok(()),
        _ => Err(StorageError::Invalid(foreign_change_cursor("since"))),
    }
}

/// The revision is looked up by its key; it is missing only if a person has deleted it.
const AFTER: &str = "SELECT this.position, this.changed_at, this.kind, this.item_id, \
         this.revision, \
         coalesce(metric.version, domain.version::text) AS version, \
         coalesce(metric.changed_by, domain.changed_by) AS changed_by, \
         coalesce(metric.change_type, domain.change_type) AS change_type, \
         coalesce(metric.channel, domain.channel) AS channel, \
         coalesce(metric.fields_changed, domain.fields_changed) AS fields_changed, \
         coalesce(metric.changes_summary, domain.changes_summary) AS changes_summary \
     FROM ( \
         SELECT * FROM catalogue_changes WHERE position > $1 ORDER BY position LIMIT $2 \
     ) AS this \
     LEFT JOIN metric_revisions AS metric ON this.kind = 'metric' \
         AND metric.metric_id = this.item_id AND metric.revision = this.revision \
     LEFT JOIN business_domain_revisions AS domain ON this.kind = 'domain' \
         AND domain.domain_id = this.item_id AND domain.revision = this.revision \
     ORDER BY this.position";

#[derive(QueryableByName)]
struct ChangeRow {
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
}

/// What the revision of a change says; null if a person has deleted it.
#[derive(QueryableByName)]
pub(super) struct RevisedColumns {
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) version: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) changed_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) change_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) channel: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub(super) fields_changed: Option<Document>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) changes_summary: Option<String>,
}

impl ChangeRow {
    fn cursor(&self) -> ChangeCursor {
        ChangeCursor::new(self.position, self.changed_at)
    }

    fn into_change(self) -> Result<Option<CatalogueChange>, StorageError> {
        let cursor = self.cursor().encode();
        let kind: ItemKind = self.kind.parse().map_err(StorageError::corrupt_by("a change"))?;
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
        let channel = channel.map(|channel| channel.parse()).transpose();
        let fields = serde_json::from_str(fields.text());
        Ok(Some(CatalogueChange {
            cursor,
            kind,
            href: kind.version_path(&self.item_id, &version),
            id: self.item_id,
            revision: self.revision,
            version,
            change_type: change_type.parse().map_err(StorageError::corrupt_by("a change"))?,
            changed_at: rfc3339(self.changed_at),
            changed_by,
            channel: channel.map_err(StorageError::corrupt_by("a change"))?,
            fields_changed: fields.map_err(StorageError::corrupt_by("a change"))?,
            changes_summary,
        }))
    }
}
