//! The audit log: actions that were done or refused, by which actor, from where and when.
//!
//! The row of an action is written in the transaction of the action itself. Refusals are counted
//! by `cache::audit_refusals` and written in one statement. The table is append-only: triggers
//! refuse updates, and deletes outside of [`purge()`].

mod actor;
mod event;
mod list;
mod purge;
mod trail;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::json;

pub use self::actor::Actor;
pub use self::event::{NewEvent, Subject, Target};
pub use self::list::{AuditEvent, list};
pub use self::purge::purge;
pub use self::trail::{RecordedEvent, Trail};
use super::schema::audit_events;
use super::{StorageError, Transaction};
use crate::model::audit::{Action, AuditOutcome, Changes};

/// Records an action, in the transaction of the action.
pub async fn record<'a, D: Serialize>(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    action: Action,
    target: impl Into<Subject<'a>>,
    details: &D,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    record_detailed(conn, actor, action, target, (details, &Changes::default()), now).await
}

/// Records an action with the old and new values of what it changed, in the transaction of the
/// action.
pub async fn record_changes<'a>(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    action: Action,
    target: impl Into<Subject<'a>>,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    record_detailed(conn, actor, action, target, (&json!({}), changes), now).await
}

/// As [`record_changes`], with details.
pub async fn record_detailed<'a, D: Serialize>(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    action: Action,
    target: impl Into<Subject<'a>>,
    details: (&D, &Changes),
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let event = NewEvent::success(actor, action, target.into(), details, now)?;
    insert(conn, &actor.trail, event).await
}

/// Records the reuse of a rotated refresh token: a refusal that revokes a session, recorded in the
/// transaction that revokes it.
pub async fn record_reuse<D: Serialize>(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    target: Target<'_>,
    details: &D,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let (action, details) = (Action::SessionReuseDetected, (details, &Changes::default()));
    let event = NewEvent {
        outcome: AuditOutcome::Refused.into(),
        reason: Some("AUTHENTICATION_ERROR"),
        ..NewEvent::success(actor, action, target.into(), details, now)?
    };
    insert(conn, &actor.trail, event).await
}

async fn insert(
    conn: &mut Transaction<'_>,
    trail: &Trail,
    event: NewEvent,
) -> Result<(), StorageError> {
    let (event_id, transaction) = diesel::insert_into(audit_events::table)
        .values(&event)
        .returning((audit_events::event_id, sql::<Text>("pg_current_xact_id()::text")))
        .get_result(conn)
        .await?;
    trail.push(RecordedEvent { event_id, transaction, event });
    Ok(())
}

/// Writes many rows in one statement. Returns their ids, in the same order.
pub async fn insert_all(
    conn: &mut AsyncPgConnection,
    events: &[NewEvent],
) -> Result<Vec<i64>, StorageError> {
    Ok(diesel::insert_into(audit_events::table)
        .values(events)
        .returning(audit_events::event_id)
        .get_results(conn)
        .await?)
}

/// Returns which of these rows exist, to find out whether a transaction of unknown outcome was
/// committed.
pub async fn find_existing(
    conn: &mut AsyncPgConnection,
    event_ids: &[i64],
) -> Result<Vec<i64>, StorageError> {
    Ok(audit_events::table
        .filter(audit_events::event_id.eq_any(event_ids))
        .select(audit_events::event_id)
        .load(conn)
        .await?)
}
