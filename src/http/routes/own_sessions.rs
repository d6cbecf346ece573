//! Routes of the caller's own sessions: list them, end one, end all others. Ending a session takes
//! effect on its access tokens at once. Log-in, refresh and log-out are in `sessions`.

use actix_web::{HttpResponse, delete, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response::{json as json_response, secret_json};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::audit_events::{self, Target};
use crate::storage::authority;
use crate::storage::sessions::{self, Session};

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

fn target(caller: &SessionCaller) -> Target<'_> {
    Target { id: caller.user.user_id, name: &caller.user.username }
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
    let (now, user_id) = (services.clock.now(), caller.user.user_id);
    let rows = services
        .db
        .run(Circuit::Auth, "sessions.list", async |conn| sessions::list(conn, user_id, now).await)
        .await?;
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
    let (now, user_id, actor) =
        (services.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = services.db.transaction(Circuit::Auth, "sessions.end", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        sessions::revoke(conn, user_id, id, now).await?;
        let (action, details) = (Action::SessionEnded, json!({ "session": id }));
        audit_events::record(conn, &actor, action, target(&caller), &details, now).await
    });
    let invalidation = services.invalidation(InvalidationScope::Sessions(user_id));
    invalidation.apply_after(ended).await.map_err(|error| match error.into() {
        ApiError::NotFound(_) => ApiError::NotFound("Session not found".into()),
        error => error,
    })?;
    json_response(&mut HttpResponse::Ok(), &MessageBody::new("Session ended"))
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
    let (now, user_id, actor) =
        (services.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = services.db.transaction(Circuit::Auth, "sessions.end_others", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let count = sessions::revoke_all(conn, user_id, Some(caller.family_id), now).await?;
        if count > 0 {
            let (action, details) = (Action::SessionEnded, json!({ "sessions": count }));
            audit_events::record(conn, &actor, action, target(&caller), &details, now).await?;
        }
        Ok(count)
    });
    let invalidation = services.invalidation(InvalidationScope::Sessions(user_id));
    let count = invalidation.apply_after(ended).await?;
    let message = format!("{count} other sessions ended");
    json_response(&mut HttpResponse::Ok(), &EndedSessionsBody { success: true, message, count })
}
