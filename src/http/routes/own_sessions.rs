//! Routes of the caller's own sessions: list them, end one, end all others. Ending a session takes
//! effect on its access tokens at once. Log-in, refresh and log-out are in `sessions`.

use actix_web::{HttpResponse, delete, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::http::accounts::own_sessions::{end_other_sessions, end_session, list_sessions};
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response::{json, secret_json};
use crate::storage::sessions::Session;

/// Registers the routes of the caller's own sessions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(end).service(end_others);
}

/// A session: a log-in and its refreshes.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    /// The `sid` of its access tokens.
    id: Uuid,
    /// Time of the log-in.
    created_at: DateTime<Utc>,
    /// Time of the log-in or the last refresh.
    last_used_at: DateTime<Utc>,
    /// End of the session, unless it is refreshed before.
    expires_at: DateTime<Utc>,
    /// Client IP of the log-in or the last refresh.
    address: Option<String>,
    /// `User-Agent` of the log-in or the last refresh.
    user_agent: Option<String>,
    /// Whether this request belongs to the session.
    current: bool,
}

impl SessionBody {
    fn new(row: Session, current: Uuid) -> Self {
        Self {
            id: row.family_id,
            created_at: row.family_started_at,
            last_used_at: row.created_at,
            expires_at: row.expires_at,
            address: row.address,
            user_agent: row.user_agent,
            current: row.family_id == current,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
struct SessionsBody {
    success: bool,
    sessions: Vec<SessionBody>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndedSessions)]
struct EndedSessionsBody {
    success: bool,
    message: String,
    count: usize,
}

/// List my sessions, last used first
///
/// Only sessions that have not ended; at most 100.
#[utoipa::path(
    tag = "auth",
    operation_id = "list_sessions",
    security(("bearer" = [])),
    responses((status = 200, body = SessionsBody))
)]
#[get("/api/auth/sessions")]
async fn list(
    caller: SessionCaller,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let rows = list_sessions(&services, &caller).await?;
    let sessions: Vec<_> =
        rows.into_iter().map(|row| SessionBody::new(row, caller.family_id)).collect();
    let body = SessionsBody { success: true, count: sessions.len(), sessions };
    secret_json(HttpResponse::Ok(), &body)
}

/// End one of my sessions
///
/// From now on its refresh token and access tokens are refused. It may be the current session.
#[utoipa::path(
    tag = "auth",
    operation_id = "end_session",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Session id")),
    responses(
        (status = 200, body = MessageBody),
        (status = 404, description = "Session not found, or it has ended"),
    )
)]
#[delete("/api/auth/sessions/{id}")]
async fn end(
    caller: SessionCaller,
    UuidPath(id): UuidPath,
    origin: Origin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    end_session(&services, &caller, &origin, id).await?;
    json(&mut HttpResponse::Ok(), &MessageBody::new("Session ended"))
}

/// End all my other sessions
///
/// The current session and all API keys stay valid.
#[utoipa::path(
    tag = "auth",
    operation_id = "end_other_sessions",
    security(("bearer" = [])),
    responses((status = 200, body = EndedSessionsBody))
)]
#[delete("/api/auth/sessions")]
async fn end_others(
    caller: SessionCaller,
    origin: Origin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let count = end_other_sessions(&services, &caller, &origin).await?;
    let message = format!("{count} other sessions ended");
    json(&mut HttpResponse::Ok(), &EndedSessionsBody { success: true, message, count })
}
