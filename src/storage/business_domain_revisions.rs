//! The history of business domains, which is kept when a domain is deleted.

use diesel::sql_query;
use diesel::sql_types::{Integer, Jsonb, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::document::Document;
use super::{StorageError, Transaction};
use crate::model::metrics::history::ChangeType;
use crate::model::versions::RevisionStamp;

/// A change of a business domain.
#[derive(Clone, Debug)]
pub(super) struct DomainChange<'a> {
    pub(super) id: &'a str,
    /// The version that the change led to; of a deletion the one that it ended.
    pub(super) version: i32,
    pub(super) change_type: ChangeType,
    /// Names of the fields that changed.
    pub(super) fields: Vec<String>,
    /// One sentence about the change.
    pub(super) summary: String,
}

/// Inserts the next revision of a domain. The writers of the catalogue take turns, so that two of
/// them never take the same number.
pub(super) async fn insert(
    conn: &mut Transaction<'_>,
    change: &DomainChange<'_>,
    stamp: RevisionStamp<'_>,
) -> Result<(), StorageError> {
    sql_query(
        "INSERT INTO business_domain_revisions (domain_id, revision, version, changed_at, \
             changed_by, change_type, fields_changed, changes_summary, channel) \
         SELECT $1, coalesce(max(revision), 0) + 1, $2, $3, $4, $5, $6, $7, $8 \
         FROM business_domain_revisions WHERE domain_id = $1",
    )
    .bind::<Text, _>(change.id)
    .bind::<Integer, _>(change.version)
    .bind::<Timestamptz, _>(stamp.now)
    .bind::<Text, _>(stamp.author)
    .bind::<Text, _>(change.change_type.as_ref())
    .bind::<Jsonb, _>(Document::new(&change.fields)?)
    .bind::<Text, _>(&change.summary)
    .bind::<Text, _>(stamp.channel.as_ref())
    .execute(conn)
    .await?;
    Ok(())
}
