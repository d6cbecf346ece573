//! Reading the audit log.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::audit::AuditQuery;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::audit_events;

/// An entry.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = audit_events, check_for_backend(diesel::pg::Pg))]
pub struct AuditEvent {
    /// In the order of writing.
    pub event_id: i64,
    /// When; of several refusals, the first.
    pub occurred_at: DateTime<Utc>,
    /// Such as `api_key.revoked`.
    pub action: String,
    /// `success` or `refused`.
    pub outcome: String,
    /// Why it was refused: an error code or the name of a rate limit.
    pub reason: Option<String>,
    /// How many refusals this entry stands for.
    pub occurrences: i64,
    /// The user who did it; null if the caller is unknown or no user.
    pub actor_id: Option<Uuid>,
    /// Its user name then, or the command; null if the caller is unknown.
    pub actor: Option<String>,
    /// The user, session or API key that it was done to; null for what has no UUID.
    pub target_id: Option<Uuid>,
    /// Its name or id then; of an unknown account, the start of the SHA-256 of its name.
    pub target: Option<String>,
    /// `api`, `command` (on the database itself), `mail` (the token of a mail) or `system` (the
    /// service itself).
    pub channel: String,
    /// What the caller came with: `session` or `api_key`.
    pub credential: Option<String>,
    /// The session or the `key_id`.
    pub credential_id: Option<Uuid>,
    /// The client's address (of refusals: IPv6 by /64); null for a command on the database itself.
    pub address: Option<String>,
    /// `X-Request-ID`, which may be the client's own; it is also in the log.
    pub request_id: Option<String>,
    /// The request, by the name that the server gave it; it is also in the log.
    pub server_request_id: Option<Uuid>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub details: Document,
    /// Changed fields: `{"email": {"from": …, "to": …}}`, of large ones only the names.
    #[schema(value_type = Object)]
    pub changes: Document,
}

diesel::define_sql_function! {
    /// Names are compared without regard to case; null has none.
    #[sql_name = "lower"]
    fn lower_nullable(text: diesel::sql_types::Nullable<diesel::sql_types::Text>)
        -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// What the log says, newest first, and how many entries there are.
pub async fn list(
    conn: &mut AsyncPgConnection,
    query: &AuditQuery,
) -> Result<(Vec<AuditEvent>, i64), StorageError> {
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
        events = events.filter(lower_nullable(audit_events::actor).eq(lower_nullable(actor)));
    }
    if let Some(actions) = &query.actions {
        events = events.filter(audit_events::action.eq_any(actions.names()));
    }
    if let Some(target) = &query.target {
        let named = lower_nullable(audit_events::target).eq(lower_nullable(target));
        events = match query.target_id() {
            Some(id) => events.filter(named.or(audit_events::target_id.eq(id))),
            None => events.filter(named),
        };
    }
    if let Some(outcome) = query.outcome {
        events = events.filter(audit_events::outcome.eq(outcome.as_ref().to_owned()));
    }
    if let Some(since) = query.since {
        events = events.filter(audit_events::occurred_at.ge(since));
    }
    if let Some(until) = query.until {
        events = events.filter(audit_events::occurred_at.lt(until));
    }
    events
}
