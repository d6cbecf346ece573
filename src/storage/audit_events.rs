//! The audit log: who did what to whose authority. Written in the transaction of the deed itself.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::StorageError;
use super::document::Document;
use super::schema::audit_events;
use super::users::lower;
use crate::model::audit::{Action, AuditQuery};

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user.
    pub user_id: Uuid,
    /// Its name.
    pub username: String,
    /// The client's address.
    pub address: Option<String>,
    /// The request.
    pub request_id: Option<String>,
}

/// What it is done to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// A user or API key.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
}

/// An entry.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = audit_events, check_for_backend(diesel::pg::Pg))]
pub struct AuditEvent {
    /// In the order of writing.
    pub event_id: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The user who did it.
    pub actor_id: Uuid,
    /// Its user name then.
    pub actor: String,
    /// Such as `api_key.revoked`.
    pub action: String,
    /// The user or API key that it was done to.
    pub target_id: Uuid,
    /// Its name then.
    pub target: String,
    /// The client's address; null for a command on the database itself.
    pub address: Option<String>,
    /// `X-Request-ID`, which is also in the log.
    pub request_id: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub details: Document,
}

/// Writes one entry.
pub async fn record<D: Serialize>(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    action: Action,
    target: Target<'_>,
    details: &D,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::occurred_at.eq(now),
            audit_events::actor_id.eq(actor.user_id),
            audit_events::actor.eq(&actor.username),
            audit_events::action.eq(action.as_ref()),
            audit_events::target_id.eq(target.id),
            audit_events::target.eq(target.name),
            audit_events::address.eq(&actor.address),
            audit_events::request_id.eq(&actor.request_id),
            audit_events::details.eq(Document::of(details)?),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// What the log says, newest first, and how many entries there are.
pub async fn list(conn: &mut AsyncPgConnection, query: &AuditQuery) -> Result<(Vec<AuditEvent>, i64), StorageError> {
    let total = narrowed(query).count().get_result(conn).await?;
    let entries = narrowed(query)
        .select(AuditEvent::as_select())
        .order_by((audit_events::occurred_at.desc(), audit_events::event_id.desc()))
        .offset(query.page.offset())
        .limit(query.page.limit)
        .load(conn)
        .await?;
    Ok((entries, total))
}

fn narrowed(query: &AuditQuery) -> audit_events::BoxedQuery<'_, Pg> {
    let mut events = audit_events::table.into_boxed();
    if let Some(actor) = &query.actor {
        events = events.filter(lower(audit_events::actor).eq(lower(actor)));
    }
    if let Some(action) = query.action {
        events = events.filter(audit_events::action.eq(action.as_ref().to_owned()));
    }
    if let Some(target) = query.target {
        events = events.filter(audit_events::target_id.eq(target));
    }
    if let Some(since) = query.since {
        events = events.filter(audit_events::occurred_at.ge(since));
    }
    if let Some(until) = query.until {
        events = events.filter(audit_events::occurred_at.lt(until));
    }
    events
}
