//! Reads the versions of metrics and business domains: their revisions, and their contents. The
//! content of the present version is the row of the item itself; triggers keep those of replaced
//! and deleted ones as snapshots. Both are documents of the same database function, so that a
//! version reads the same before and after it is replaced. Lists as of an instant are in [`past`],
//! what commands ask about one item in [`item`].

pub mod item;
pub mod past;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;
use super::document::Document;
use crate::clock::rfc3339;
use crate::model::versions::VersionEntry;

/// The tables of items that have versions.
#[derive(Clone, Copy, Debug)]
pub struct VersionedTable {
    items: &'static str,
    id: &'static str,
    revisions: &'static str,
    snapshots: &'static str,
    /// When the versions in `snapshots` were the present ones.
    periods: &'static str,
    /// The function that returns the content of a row of `items`.
    document: &'static str,
    /// Whether `latest`, a row of `revisions`, led to `item`, a row of `items`.
    present_revision: &'static str,
}

/// The tables of metrics.
pub const METRICS: VersionedTable = VersionedTable {
    items: "metrics",
    id: "metric_id",
    revisions: "metric_revisions",
    snapshots: "metric_snapshots",
    periods: "metric_periods",
    document: "metric_document",
    present_revision: "latest.revision = item.revision",
};

/// The tables of business domains.
pub const BUSINESS_DOMAINS: VersionedTable = VersionedTable {
    items: "business_domains",
    id: "domain_id",
    revisions: "business_domain_revisions",
    snapshots: "business_domain_snapshots",
    periods: "business_domain_periods",
    document: "business_domain_document",
    present_revision: "latest.version = item.version AND latest.change_type <> 'delete'",
};

/// A version and its content, if that is kept.
#[derive(Debug)]
pub struct KeptVersion {
    pub entry: VersionEntry,
    pub content: Option<Document>,
}

impl KeptVersion {
    /// Returns the content.
    ///
    /// # Errors
    /// [`StorageError::ContentNotKept`].
    pub fn into_content(self) -> Result<Document, StorageError> {
        self.content.ok_or(StorageError::ContentNotKept)
    }
}

impl VersionedTable {
    /// Returns a query of revisions, of which `condition` selects some, with `further` columns.
    fn query(self, further: &str, condition: &str) -> String {
        let Self { items, id, revisions, snapshots, .. } = self;
        format!(
            "SELECT this.revision, this.version::text AS version, \
                 former.version::text AS previous_version, this.changed_at, this.changed_by, \
                 this.change_type, this.channel, this.fields_changed, this.changes_summary, \
                 (item.{id} IS NOT NULL OR kept.{id} IS NOT NULL) AS content_kept {further} \
             FROM {revisions} AS this \
             LEFT JOIN {revisions} AS former \
                 ON former.{id} = this.{id} AND former.revision = this.revision - 1 \
             LEFT JOIN {items} AS item ON item.{id} = this.{id} AND item.version = this.version \
             LEFT JOIN {snapshots} AS kept \
                 ON kept.{id} = this.{id} AND kept.version = this.version \
             WHERE this.{id} = $1 {condition}"
        )
    }

    /// Returns a query of the last revision that satisfies `condition`, with its content.
    fn content_query(self, condition: &str) -> String {
        let Self { id, document, .. } = self;
        let content = format!(
            ", CASE WHEN item.{id} IS NULL THEN kept.content ELSE {document}(item) END AS content"
        );
        self.query(&content, &format!("AND {condition} ORDER BY this.revision DESC LIMIT 1"))
    }
}

/// Lists at most `limit` revisions of an item from `offset` on, newest first, and counts all of
/// them. A deletion is a revision, too.
///
/// # Errors
/// [`StorageError::NotFound`] if an item with this id never existed.
pub async fn list(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
    offset: i64,
    limit: i64,
) -> Result<(Vec<VersionEntry>, i64), StorageError> {
    let total = count(conn, table, item_id).await?;
    if total == 0 {
        return Err(StorageError::NotFound);
    }
    let page = "ORDER BY this.revision DESC OFFSET $2 LIMIT $3";
    let rows: Vec<EntryRow> = sql_query(table.query("", page))
        .bind::<Text, _>(item_id)
        .bind::<BigInt, _>(offset)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    let entries = rows.into_iter().map(EntryRow::into_entry).collect::<Result<_, _>>()?;
    Ok((entries, total))
}

/// Gets a version of an item, also of a deleted one.
///
/// # Errors
/// [`StorageError::NotFound`] if an item with this id never existed,
/// [`StorageError::UnknownVersion`] if it never had this version.
pub async fn get(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
    version: &str,
) -> Result<KeptVersion, StorageError> {
    let condition = "this.version::text = $2 AND this.change_type <> 'delete'";
    let found: Vec<ContentRow> = sql_query(table.content_query(condition))
        .bind::<Text, _>(item_id)
        .bind::<Text, _>(version)
        .load(conn)
        .await?;
    match found.into_iter().next() {
        Some(row) => row.into_version(),
        None if count(conn, table, item_id).await? == 0 => Err(StorageError::NotFound),
        None => Err(StorageError::UnknownVersion),
    }
}

/// Gets the version that an item had at an instant.
///
/// # Errors
/// [`StorageError::NotFound`] if there was no item with this id then.
pub async fn get_as_of(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
    instant: DateTime<Utc>,
) -> Result<KeptVersion, StorageError> {
    let found: Vec<ContentRow> = sql_query(table.content_query("this.changed_at <= $2"))
        .bind::<Text, _>(item_id)
        .bind::<Timestamptz, _>(instant)
        .load(conn)
        .await?;
    let row = found.into_iter().next().filter(|row| row.entry.change_type != "delete");
    row.ok_or(StorageError::NotFound)?.into_version()
}

/// Returns the number of the revision that created the present item, none if that restored a
/// version: versions of revisions before it are those of another item with the same id.
pub(super) async fn last_creation(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
) -> Result<Option<i32>, StorageError> {
    let VersionedTable { id, revisions, .. } = table;
    let statement = format!(
        "SELECT CASE WHEN channel = 'restore' THEN NULL ELSE revision END AS revision \
         FROM {revisions} AS revisions WHERE {id} = $1 AND change_type = 'create' \
         ORDER BY revisions.revision DESC LIMIT 1"
    );
    let rows: Vec<CreationRow> = sql_query(statement).bind::<Text, _>(item_id).load(conn).await?;
    Ok(rows.into_iter().next().and_then(|row| row.revision))
}

async fn count(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
) -> Result<i64, StorageError> {
    let VersionedTable { id, revisions, .. } = table;
    let statement = format!("SELECT count(*) AS total FROM {revisions} WHERE {id} = $1");
    let row: TotalRow = sql_query(statement).bind::<Text, _>(item_id).get_result(conn).await?;
    Ok(row.total)
}

#[derive(QueryableByName)]
struct TotalRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct CreationRow {
    #[diesel(sql_type = Nullable<Integer>)]
    revision: Option<i32>,
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = Integer)]
    revision: i32,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    previous_version: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    changed_by: String,
    #[diesel(sql_type = Text)]
    change_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    channel: Option<String>,
    #[diesel(sql_type = Jsonb)]
    fields_changed: Document,
    #[diesel(sql_type = Text)]
    changes_summary: String,
    #[diesel(sql_type = Bool)]
    content_kept: bool,
}

#[derive(QueryableByName)]
struct ContentRow {
    #[diesel(embed)]
    entry: EntryRow,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Document>,
}

impl EntryRow {
    fn into_entry(self) -> Result<VersionEntry, StorageError> {
        let change_type = self.change_type.parse();
        let channel = self.channel.map(|channel| channel.parse()).transpose();
        let fields = serde_json::from_str(self.fields_changed.text());
        Ok(VersionEntry {
            revision: self.revision,
            version: self.version,
            previous_version: self.previous_version,
            changed_at: rfc3339(self.changed_at),
            changed_by: self.changed_by,
            change_type: change_type.map_err(StorageError::corrupt_by("a revision"))?,
            channel: channel.map_err(StorageError::corrupt_by("a revision"))?,
            fields_changed: fields.map_err(StorageError::corrupt_by("a revision"))?,
            changes_summary: self.changes_summary,
            content_kept: self.content_kept,
        })
    }
}

impl ContentRow {
    fn into_version(self) -> Result<KeptVersion, StorageError> {
        Ok(KeptVersion { entry: self.entry.into_entry()?, content: self.content })
    }
}
