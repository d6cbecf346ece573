//! The audit log, for administrators.

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::http::accounts::audit_log::list_events;
use crate::http::app_data::AccountServices;
use crate::http::envelope::PageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::{AuditAction, AuditActionFilter};
use crate::http::response::cached_page;
use crate::model::audit::{AuditOutcome, AuditQuery, Channel, CredentialKind};
use crate::storage::audit_events::AuditEvent;
use crate::storage::document::Document;

const PATH: &str = "/api/v1/audit";

/// Registers the route of the audit log.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
struct AuditEventResponse {
    /// Ascending in the order of writing.
    event_id: i64,
    /// Of several refusals, the time of the first.
    occurred_at: DateTime<Utc>,
    /// Such as `api_key.revoked`.
    #[schema(value_type = AuditAction)]
    action: String,
    /// Whether it was done or refused.
    #[schema(value_type = AuditOutcome)]
    outcome: String,
    /// Why it was refused: an error code or the name of a rate limit.
    reason: Option<String>,
    /// How many refusals this entry stands for.
    occurrences: i64,
    /// The user of the caller; null if the caller is unknown or no user.
    actor_id: Option<Uuid>,
    /// The username at that time, or the command; null if the caller is unknown.
    actor: Option<String>,
    /// The user, session or API key that was the target; null for a target without UUID.
    target_id: Option<Uuid>,
    /// Name or id of the target at that time; of an unknown account, the start of the SHA-256 of
    /// its name.
    target: Option<String>,
    /// `api`, `command` (on the database itself), `mail` (with a token from a mail) or `system`
    /// (the service itself).
    #[schema(value_type = Channel)]
    channel: String,
    /// `session` or `api_key`.
    #[schema(value_type = Option<CredentialKind>)]
    credential: Option<String>,
    /// The id of the session or of the API key.
    credential_id: Option<Uuid>,
    /// The client IP (of refusals: IPv6 by /64); null for a command on the database itself.
    address: Option<String>,
    /// `X-Request-ID`, which may be the client's own; it is also in the log.
    request_id: Option<String>,
    /// The id that the server gave the request; it is also in the log.
    server_request_id: Option<Uuid>,
    /// The trace-id of the request's `traceparent`, 32 hexadecimal digits; null if it had none. It
    /// is also in the log.
    trace_id: Option<String>,
    /// Further details of the action.
    #[schema(value_type = Object)]
    details: Document,
    /// Changed fields: `{"email": {"from": …, "to": …}}`; lists and objects without values.
    #[schema(value_type = Object)]
    changes: Document,
}

impl From<AuditEvent> for AuditEventResponse {
    fn from(row: AuditEvent) -> Self {
        Self {
            event_id: row.event_id,
            occurred_at: row.occurred_at,
            action: row.action,
            outcome: row.outcome,
            reason: row.reason,
            occurrences: row.occurrences,
            actor_id: row.actor_id,
            actor: row.actor,
            target_id: row.target_id,
            target: row.target,
            channel: row.channel,
            credential: row.credential,
            credential_id: row.credential_id,
            address: row.address,
            request_id: row.request_id,
            server_request_id: row.server_request_id,
            trace_id: row.trace_id.map(|id| id.simple().to_string()),
            details: row.details,
            changes: row.changes,
        }
    }
}

/// List audit events, newest first
///
/// Refusals of the same kind are counted together for a minute; `occurrences` is their number.
#[utoipa::path(
    tag = "audit",
    operation_id = "list_audit_events",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("actor" = Option<String>, Query,
            description = "Username of the actor, or the command",
            min_length = 1, max_length = 100),
        ("action" = Option<AuditActionFilter>, Query,
            description = "Actions, such as login.failed, or groups, such as api_key.*, \
                separated by commas"),
        ("target" = Option<String>, Query, description = "Name or id of the target",
            min_length = 1, max_length = 100),
        ("outcome" = Option<AuditOutcome>, Query, description = "Outcome of the action"),
        ("since" = Option<DateTime<Utc>>, Query,
            description = "Earliest time, RFC 3339, inclusive"),
        ("until" = Option<DateTime<Utc>>, Query, description = "Latest time, RFC 3339, exclusive"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 50",
            minimum = 1, maximum = 100),
    ),
    responses((status = 200, body = PageBody<AuditEventResponse>))
)]
#[get("/api/v1/audit")]
async fn list(
    _: Admin,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let query = AuditQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let (rows, total) = list_events(&services, &query).await?;
    let events: Vec<_> = rows.into_iter().map(AuditEventResponse::from).collect();
    Ok(cached_page(PATH, &parameters, query.page.paginate(total), events)?.respond(None))
}
