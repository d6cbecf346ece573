//! The audit log: who did what, or was refused what. The row of an action is written in the
//! transaction of the action itself; rows of refusals are gathered by `memory::refusals` and
//! written in one statement. The table is append-only.

mod list;
mod trail;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

pub use self::list::{AuditEvent, list};
pub use self::trail::{Recorded, Trail};
use super::StorageError;
use super::document::Document;
use super::schema::audit_events;
use crate::model::audit::{Action, Changes, Channel, CredentialKind, Outcome};

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user; none for commands and callers that are not known.
    pub user_id: Option<Uuid>,
    /// Its name, or that of the command.
    pub username: Option<String>,
    /// The way the action came in.
    pub channel: Channel,
    /// What the caller came with.
    pub credential: Option<(CredentialKind, Uuid)>,
    /// The client's address.
    pub address: Option<String>,
    /// The request's `X-Request-ID`.
    pub request_id: Option<String>,
    /// The request, by the name that the server gave it.
    pub server_request_id: Option<Uuid>,
    /// What was recorded, for the log.
    pub trail: Trail,
}

impl Actor {
    /// A command on the database itself.
    pub fn command(name: &str) -> Self {
        Self::without_request(Channel::Command, name)
    }

    /// The service itself.
    pub fn system() -> Self {
        Self::without_request(Channel::System, "mdl")
    }

    fn without_request(channel: Channel, name: &str) -> Self {
        Self {
            user_id: None,
            username: Some(name.to_owned()),
            channel,
            credential: None,
            address: None,
            request_id: None,
            server_request_id: None,
            trail: Trail::default(),
        }
    }

    /// The same, for work that goes on after the request: what it records is logged by itself.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { trail: Trail::default(), ..self }
    }

    /// The same, by another way.
    #[must_use]
    pub fn by(self, channel: Channel) -> Self {
        Self { channel, ..self }
    }
}

/// A user, session or API key that something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub id: Uuid,
    pub name: &'a str,
}

/// Anything that something is done to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    id: Option<Uuid>,
    name: Option<&'a str>,
}

impl<'a> From<Target<'a>> for Subject<'a> {
    fn from(target: Target<'a>) -> Self {
        Self { id: Some(target.id), name: Some(target.name) }
    }
}

impl<'a> From<&'a str> for Subject<'a> {
    /// Something whose id is a text, such as a metric.
    fn from(name: &'a str) -> Self {
        Self { id: None, name: Some(name) }
    }
}

/// A row to be.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = audit_events)]
pub struct NewEvent {
    /// When; of several refusals, the first.
    pub occurred_at: DateTime<Utc>,
    /// Such as `api_key.revoked`.
    pub action: &'static str,
    /// `success` or `refused`.
    pub outcome: &'static str,
    /// Why it was refused.
    pub reason: Option<&'static str>,
    /// How many refusals it stands for.
    pub occurrences: i64,
    /// The user who did it.
    pub actor_id: Option<Uuid>,
    /// Its name, or that of the command.
    pub actor: Option<String>,
    /// What it was done to, if that has a UUID.
    pub target_id: Option<Uuid>,
    /// Its name or id.
    pub target: Option<String>,
    /// `api`, `command`, `mail` or `system`.
    pub channel: &'static str,
    /// `session` or `api_key`.
    pub credential: Option<&'static str>,
    pub credential_id: Option<Uuid>,
    /// The client's address.
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// The server's own.
    pub server_request_id: Option<Uuid>,
    /// What else there is to say.
    pub details: Document,
    /// Old and new values.
    pub changes: Document,
}

impl NewEvent {
    /// Something that was done.
    ///
    /// # Errors
    /// Never in practice: details consist of texts and numbers.
    pub fn done<D: Serialize>(
        actor: &Actor,
        action: Action,
        target: Subject<'_>,
        (details, changes): (&D, &Changes),
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            occurred_at: now,
            action: action.into(),
            outcome: Outcome::Success.into(),
            reason: None,
            occurrences: 1,
            actor_id: actor.user_id,
            actor: actor.username.clone(),
            target_id: target.id,
            target: target.name.map(str::to_owned),
            channel: actor.channel.into(),
            credential: actor.credential.map(|(kind, _)| kind.into()),
            credential_id: actor.credential.map(|(_, id)| id),
            address: actor.address.clone(),
            request_id: actor.request_id.clone(),
            server_request_id: actor.server_request_id,
            details: Document::of(details)?,
            changes: Document::of(changes)?,
        })
    }
}

/// Records an action. Needs the transaction of the action.
pub async fn record<'a, D: Serialize>(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    action: Action,
    target: impl Into<Subject<'a>>,
    details: &D,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let event = NewEvent::done(actor, action, target.into(), (details, &Changes::default()), now)?;
    insert(conn, &actor.trail, event).await
}

/// Records an action with the old and new values of what it changed. Needs the transaction of the
/// action.
pub async fn record_changes<'a>(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    action: Action,
    target: impl Into<Subject<'a>>,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let event = NewEvent::done(actor, action, target.into(), (&json!({}), changes), now)?;
    insert(conn, &actor.trail, event).await
}

/// Records that a rotated refresh token was used again: a refusal that ends a session. Needs the
/// transaction that ends it.
pub async fn record_reuse<D: Serialize>(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    target: Target<'_>,
    details: &D,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let changes = Changes::default();
    let event = NewEvent::done(
        actor,
        Action::SessionReuseDetected,
        target.into(),
        (details, &changes),
        now,
    )?;
    let event = NewEvent {
        outcome: Outcome::Refused.into(),
        reason: Some("AUTHENTICATION_ERROR"),
        ..event
    };
    insert(conn, &actor.trail, event).await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    trail: &Trail,
    event: NewEvent,
) -> Result<(), StorageError> {
    let (event_id, transaction) = diesel::insert_into(audit_events::table)
        .values(&event)
        .returning((audit_events::event_id, sql::<Text>("pg_current_xact_id()::text")))
        .get_result(conn)
        .await?;
    trail.push(Recorded { event_id, transaction, event });
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

/// Which of these rows there are: what became of a transaction whose end is not known.
pub async fn existing(
    conn: &mut AsyncPgConnection,
    event_ids: &[i64],
) -> Result<Vec<i64>, StorageError> {
    Ok(audit_events::table
        .filter(audit_events::event_id.eq_any(event_ids))
        .select(audit_events::event_id)
        .load(conn)
        .await?)
}

diesel::define_sql_function! {
    /// Deletes old rows; the only way to delete any.
    fn purge_audit_events(older_than: diesel::sql_types::Timestamptz, at_most: diesel::sql_types::BigInt)
        -> diesel::sql_types::BigInt;
}

/// Deletes at most `at_most` rows, the oldest first, from before `older_than`, none younger than 30
/// days. Returns how many.
pub async fn purge(
    conn: &mut AsyncPgConnection,
    older_than: DateTime<Utc>,
    at_most: i64,
) -> Result<i64, StorageError> {
    Ok(diesel::select(purge_audit_events(older_than, at_most)).get_result(conn).await?)
}
