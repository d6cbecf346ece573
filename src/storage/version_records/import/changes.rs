//! The statements that write changes: one for each table and batch. The values of a column are one
//! array. Times and positions are given, so that the triggers that would give them do
//! nothing (migration 2026-11-29-000007); that of the periods of versions does its work.

use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::model::changes::ItemKind;
use crate::model::version_records::VersionRecord;
use crate::storage::document::Document;
use crate::storage::versions::VersionedTable;
use crate::storage::{StorageError, Transaction};

/// The columns of changes of one kind of item.
#[derive(Default)]
pub(super) struct ChangeColumns<'a> {
    positions: Vec<i64>,
    ids: Vec<&'a str>,
    revisions: Vec<i32>,
    versions: Vec<&'a str>,
    times: Vec<DateTime<Utc>>,
    authors: Vec<&'a str>,
    change_types: Vec<&'a str>,
    channels: Vec<Option<&'a str>>,
    fields: Vec<Document>,
    summaries: Vec<&'a str>,
    /// Ids, versions and contents of former versions.
    former: (Vec<&'a str>, Vec<&'a str>, Vec<Document>),
}

impl<'a> ChangeColumns<'a> {
    /// Adds a change with its position.
    pub(super) fn add(
        &mut self,
        position: i64,
        record: &'a VersionRecord,
    ) -> Result<(), StorageError> {
        let time = DateTime::parse_from_rfc3339(&record.changed_at);
        let time = time.map_err(StorageError::corrupt_by("a change that was not checked"))?;
        self.positions.push(position);
        self.ids.push(&record.id);
        self.revisions.push(record.revision);
        self.versions.push(&record.version);
        self.times.push(time.to_utc());
        self.authors.push(&record.changed_by);
        self.change_types.push(record.change_type.as_ref());
        self.channels.push(record.channel.as_ref().map(AsRef::as_ref));
        self.fields.push(Document::new(&record.fields_changed)?);
        self.summaries.push(&record.changes_summary);
        if let (Some(content), false) = (&record.content, record.present) {
            self.former.0.push(&record.id);
            self.former.1.push(&record.version);
            self.former.2.push(Document::from_raw(content.clone()));
        }
        Ok(())
    }

    /// Inserts positions, contents and changes, in the order that the triggers need.
    pub(super) async fn insert(
        self,
        conn: &mut Transaction<'_>,
        table: VersionedTable,
    ) -> Result<(), StorageError> {
        if self.positions.is_empty() {
            return Ok(());
        }
        let (kind, id, revisions, snapshots) = table.names();
        let version = match kind {
            ItemKind::Metric => "version",
            ItemKind::Domain => "version::integer",
        };
        let positions = "INSERT INTO catalogue_changes \
             (position, changed_at, kind, item_id, revision) \
             SELECT new.position, new.time, $5, new.id, new.revision \
             FROM unnest($1, $2, $3, $4) AS new (position, time, id, revision)";
        sql_query(positions)
            .bind::<Array<BigInt>, _>(&self.positions)
            .bind::<Array<Timestamptz>, _>(&self.times)
            .bind::<Array<Text>, _>(&self.ids)
            .bind::<Array<Integer>, _>(&self.revisions)
            .bind::<Text, _>(kind.as_ref())
            .execute(conn)
            .await?;
        let contents = format!(
            "INSERT INTO {snapshots} ({id}, version, content) \
             SELECT id, {version}, content FROM unnest($1, $2, $3) AS new (id, version, content)"
        );
        let (ids, versions, documents) = self.former;
        sql_query(contents)
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Text>, _>(versions)
            .bind::<Array<Jsonb>, _>(documents)
            .execute(conn)
            .await?;
        let changes = format!(
            "INSERT INTO {revisions} ({id}, revision, version, changed_at, changed_by, \
                 change_type, channel, fields_changed, changes_summary) \
             SELECT id, revision, {version}, time, author, change_type, channel, fields, summary \
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS new \
                 (id, revision, version, time, author, change_type, channel, fields, summary)"
        );
        sql_query(changes)
            .bind::<Array<Text>, _>(self.ids)
            .bind::<Array<Integer>, _>(self.revisions)
            .bind::<Array<Text>, _>(self.versions)
            .bind::<Array<Timestamptz>, _>(self.times)
            .bind::<Array<Text>, _>(self.authors)
            .bind::<Array<Text>, _>(self.change_types)
            .bind::<Array<Nullable<Text>>, _>(self.channels)
            .bind::<Array<Jsonb>, _>(self.fields)
            .bind::<Array<Text>, _>(self.summaries)
            .execute(conn)
            .await?;
        Ok(())
    }
}
