//! Queries on the audit log, for administrators.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::model::audit::AuditQuery;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::audit_events;

/// An entry of the audit log.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(diesel::pg::Pg))]
pub struct AuditEvent {
    /// Ascending in the order of writing.
    pub event_id: i64,
    /// Of several refusals, the time of the first.
    pub occurred_at: DateTime<Utc>,
    /// Such as `api_key.revoked`.
    pub action: String,
    /// `success` or `refused`.
    pub outcome: String,
    /// Why it was refused: an error code or the name of a rate limit.
    pub reason: Option<String>,
    /// How many refusals this entry stands for.
    pub occurrences: i64,
    /// The user of the caller; null if the caller is unknown or no user.
    pub actor_id: Option<Uuid>,
    /// The user name at that time, or the command; null if the caller is unknown.
    pub actor: Option<String>,
    /// The user, session or API key that was the target; null for a target without UUID.
    pub target_id: Option<Uuid>,
    /// Name or id of the target at that time; of an unknown account, the start of the SHA-256 of
    /// its name.
    pub target: Option<String>,
    /// `api`, `command` (on the database itself), `mail` (with a token from a mail) or `system`
    /// (the service itself).
    pub channel: String,
    /// `session` or `api_key`.
    pub credential: Option<String>,
    /// The id of the session or of the API key.
    pub credential_id: Option<Uuid>,
    /// The client IP (of refusals: IPv6 by /64); null for a command on the database itself.
    pub address: Option<String>,
    /// `X-Request-ID`, which may be the client's own; it is also in the log.
    pub request_id: Option<String>,
    /// The id that the server gave the request; it is also in the log.
    pub server_request_id: Option<Uuid>,
    /// The trace of the request, if its client sent one; it is also in the log.
    pub trace_id: Option<Uuid>,
    /// Further details of the action.
    pub details: Document,
    /// Changed fields: `{"email": {"from": …, "to": …}}`; lists and objects without values.
    pub changes: Document,
}

diesel::define_sql_function! {
    /// Lower case, for comparisons without regard to case.
    #[sql_name = "lower"]
    fn lower_nullable(text: diesel::sql_types::Nullable<diesel::sql_types::Text>)
        -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// Lists a page of the entries that match, newest first, and counts all of them.
pub async fn list(
    conn: &mut AsyncPgConnection,
    query: &AuditQuery,
) -> Result<(Vec<AuditEvent>, i64), StorageError> {
    let total = filtered(query).count().get_result(conn).await?;
    let entries = filtered(query)
        .select(AuditEvent::as_select())
        .order_by((audit_events::occurred_at.desc(), audit_events::event_id.desc()))
        .offset(query.page.offset())
        .limit(query.page.limit)
        .load(conn)
        .await?;
    Ok((entries, total))
}

fn filtered(query: &AuditQuery) -> audit_events::BoxedQuery<'_, Pg> {
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
