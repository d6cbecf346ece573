//! What commands ask about one item: whether it is known, and its present content.

use diesel::sql_types::{Jsonb, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{BUSINESS_DOMAINS, METRICS, VersionedTable};
use crate::model::changes::ItemKind;
use crate::storage::StorageError;
use crate::storage::document::Document;

impl VersionedTable {
    /// Returns the tables of the items of a kind.
    pub fn from_kind(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Metric => METRICS,
            ItemKind::Domain => BUSINESS_DOMAINS,
        }
    }

    /// Returns the kind of the items, the column of their id, the table of the revisions and that
    /// of the contents, as the statements of other files need them.
    pub(in crate::storage) fn names(self) -> (ItemKind, &'static str, &'static str, &'static str) {
        let Self { items, id, revisions, snapshots, .. } = self;
        let kind = if items == METRICS.items { ItemKind::Metric } else { ItemKind::Domain };
        (kind, id, revisions, snapshots)
    }
}

/// Whether an item with this id exists, or existed.
///
/// # Errors
/// Those of the statements.
pub async fn is_known(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
) -> Result<bool, StorageError> {
    let has_history = super::count(conn, table, item_id).await? > 0;
    Ok(has_history || get_present(conn, table, item_id).await?.is_some())
}

/// Gets the present content of an item; none if it does not exist, or was deleted.
///
/// # Errors
/// Those of the statement.
pub async fn get_present(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    item_id: &str,
) -> Result<Option<Document>, StorageError> {
    let VersionedTable { items, id, document, .. } = table;
    let statement =
        format!("SELECT {document}(item) AS content FROM {items} AS item WHERE {id} = $1");
    let query = sql_query(statement).bind::<Text, _>(item_id);
    let found: Option<PresentRow> = query.get_result(conn).await.optional()?;
    Ok(found.map(|row| row.content))
}

#[derive(QueryableByName)]
struct PresentRow {
    #[diesel(sql_type = Jsonb)]
    content: Document,
}
