//! Writes the changes of a file into an empty catalogue, in one transaction that has locked it. The
//! caller passes a checked file twice, batch by batch: first all changes, then those whose metrics
//! are present, because a metric needs its domain. `changes` and `present` have the statements.

mod changes;
mod present;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use self::changes::ChangeColumns;
use crate::model::audit::Action;
use crate::model::changes::ItemKind;
use crate::model::version_records::VersionRecord;
use crate::model::version_records::checker::RecordTotals;
use crate::model::violations::Violation;
use crate::storage::audit_events::{self, Actor};
use crate::storage::versions::VersionedTable;
use crate::storage::{StorageError, Transaction};

/// Number of items of a catalogue that is not empty that are named.
const MAX_NAMED: i64 = 20;

/// An import of a file.
#[derive(Debug, Default)]
pub struct RecordImport {
    /// The position of the last change.
    position: i64,
}

/// Refuses a catalogue that has, or had, items: the changes of a file are older, but the feed would
/// have them after those that are there.
///
/// # Errors
/// [`StorageError::Invalid`] with the ids of the first items.
pub async fn ensure_empty(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    let statement = "SELECT 'metric' AS kind, metric_id AS id FROM metrics \
         UNION SELECT 'domain', domain_id FROM business_domains \
         UNION SELECT 'domain', domain_id FROM deleted_business_domains \
         UNION SELECT kind, item_id FROM catalogue_changes \
         ORDER BY kind, id LIMIT $1";
    let rows: Vec<StoredItemRow> =
        sql_query(statement).bind::<BigInt, _>(MAX_NAMED).load(conn).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let message = "is in the database already, or was: versions are only imported into an empty \
         catalogue, because the change feed has them in the order of their times";
    let named = |row: StoredItemRow| Violation::new(format!("{} {}", row.kind, row.id), message);
    Err(StorageError::Invalid(rows.into_iter().map(named).collect()))
}

impl RecordImport {
    /// Writes further changes, the contents of former versions, and present domains.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn changes(
        &mut self,
        conn: &mut Transaction<'_>,
        records: &[VersionRecord],
    ) -> Result<(), StorageError> {
        for kind in [ItemKind::Metric, ItemKind::Domain] {
            let mut columns = ChangeColumns::default();
            for (position, record) in (self.position.saturating_add(1)..).zip(records) {
                if record.kind == kind {
                    columns.add(position, record)?;
                }
            }
            columns.insert(conn, VersionedTable::from_kind(kind)).await?;
        }
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        self.position = self.position.saturating_add(count);
        let is_present =
            |record: &&VersionRecord| record.present && record.kind == ItemKind::Domain;
        present::insert_domains(conn, records.iter().filter(is_present)).await
    }

    /// Writes the present metrics among these changes, all of which have been written.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn metrics(
        conn: &mut Transaction<'_>,
        records: &[VersionRecord],
    ) -> Result<(), StorageError> {
        let is_present =
            |record: &&VersionRecord| record.present && record.kind == ItemKind::Metric;
        present::insert_metrics(conn, records.iter().filter(is_present)).await
    }

    /// Completes the import, and records it in the audit log: the feed goes on after the last
    /// change.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn finish(
        self,
        conn: &mut Transaction<'_>,
        totals: &RecordTotals,
        (actor, now): (&Actor, DateTime<Utc>),
    ) -> Result<(), StorageError> {
        // The next version of a deleted domain goes on from its last one.
        let deleted = "INSERT INTO deleted_business_domains (domain_id, version, deleted_at) \
             SELECT domain_id, max(version), max(changed_at) FROM business_domain_revisions \
             WHERE NOT EXISTS (SELECT FROM business_domains AS present \
                 WHERE present.domain_id = business_domain_revisions.domain_id) \
             GROUP BY domain_id";
        sql_query(deleted).execute(conn).await?;
        // Also raises the epoch, for files without a present item.
        let feed = "UPDATE catalogue_epochs SET epoch = epoch + 1, position = $1, \
                 changed_at = greatest(changed_at, $2), \
                 versions_since = greatest(versions_since, $3)";
        sql_query(feed)
            .bind::<BigInt, _>(self.position)
            .bind::<Nullable<Timestamptz>, _>(totals.changed_at)
            .bind::<Nullable<Timestamptz>, _>(totals.versions_since)
            .execute(conn)
            .await?;
        let RecordTotals { changes, metrics, domains, deleted, .. } = totals;
        let details = json!({
            "versions": changes, "metrics": metrics, "domains": domains, "deleted": deleted,
        });
        audit_events::record(conn, actor, Action::CatalogueImported, "catalogue", &details, now)
            .await
    }
}

#[derive(QueryableByName)]
struct StoredItemRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    id: String,
}
