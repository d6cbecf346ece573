//! Deletion of old audit events. The database function that deletes them writes the row
//! `audit.purged` itself, so that there is no deletion without its row.

use chrono::{DateTime, Utc};
use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use super::{Actor, NewEvent, RecordedEvent};
use crate::model::audit::{Action, Changes};
use crate::storage::document::Document;
use crate::storage::schema::audit_events;
use crate::storage::{StorageError, Transaction};

diesel::define_sql_function! {
    /// Deletes old rows; the triggers of the table allow no other deletion.
    fn purge_audit_events(
        older_than: diesel::sql_types::Timestamptz,
        at_most: diesel::sql_types::BigInt,
    ) -> diesel::sql_types::BigInt;
}

/// Deletes at most `at_most` rows from before `older_than`, the oldest first, none younger than 30
/// days. Returns their number. The row `audit.purged` is added to the trail of `actor`.
pub async fn purge(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    older_than: DateTime<Utc>,
    at_most: i64,
) -> Result<i64, StorageError> {
    let rows = diesel::select(purge_audit_events(older_than, at_most)).get_result(conn).await?;
    if rows > 0 {
        let recorded = find_recorded(conn, actor).await?;
        actor.trail.push(recorded);
    }
    Ok(rows)
}

/// Finds the row that the function has written in this transaction: its time is that of the
/// transaction.
async fn find_recorded(
    conn: &mut Transaction<'_>,
    actor: &Actor,
) -> Result<RecordedEvent, StorageError> {
    let action: &str = Action::AuditPurged.into();
    let (event_id, occurred_at, details, transaction) = audit_events::table
        .filter(audit_events::action.eq(action).and(audit_events::occurred_at.eq(now)))
        .select((
            audit_events::event_id,
            audit_events::occurred_at,
            audit_events::details,
            sql::<Text>("pg_current_xact_id()::text"),
        ))
        .order_by(audit_events::event_id.desc())
        .first::<(i64, DateTime<Utc>, Document, String)>(conn)
        .await?;
    let described = (&details, &Changes::default());
    let event = NewEvent::success(
        actor,
        Action::AuditPurged,
        "audit_events".into(),
        described,
        occurred_at,
    )?;
    Ok(RecordedEvent { event_id, transaction, event })
}
