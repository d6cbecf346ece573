//! The caller's own sessions, one for each log-in: list them, end one, end all others. They act on
//! access tokens at once.

use actix_web::{HttpResponse, delete, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::token_pair::secret;
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::answer;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::Person;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::model::audit::Action;
use crate::model::authority::Concern;
use crate::storage::audit_events::{self, Target};
use crate::storage::authority;
use crate::storage::sessions::{self, Session};

/// All routes of one's own sessions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(end).service(end_others);
}

/// A session: a log-in and all that it was refreshed to.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    /// The `sid` of its access tokens.
    id: Uuid,
    /// When you logged in.
    created_at: DateTime<Utc>,
    /// When its tokens were last issued: at the log-in or the last refresh.
    last_used_at: DateTime<Utc>,
    /// When it ends, if it is not refreshed before.
    expires_at: DateTime<Utc>,
    /// The client IP that its tokens were last issued to.
    address: Option<String>,
    /// The `User-Agent` that they were issued to.
    user_agent: Option<String>,
    /// Whether this request belongs to it.
    current: bool,
}

#[derive(Serialize, ToSchema)]
struct SessionsBody {
    success: bool,
    sessions: Vec<SessionBody>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct EndedSessions {
    success: bool,
    message: String,
    count: usize,
}

fn target(caller: &Person) -> Target<'_> {
    Target { id: caller.user.user_id, name: &caller.user.username }
}

fn body(session: Session, current: Uuid) -> SessionBody {
    SessionBody {
        id: session.family_id,
        created_at: session.family_started_at,
        last_used_at: session.created_at,
        expires_at: session.expires_at,
        address: session.address,
        user_agent: session.user_agent,
        current: session.family_id == current,
    }
}

/// List my sessions, last used first
///
/// One for each log-in that has not ended; at most 100.
#[utoipa::path(
    tag = "auth",
    operation_id = "list_sessions",
    security(("bearer" = [])),
    responses((status = 200, body = SessionsBody))
)]
#[get("/api/auth/sessions")]
async fn list(caller: Person, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (now, user_id) = (state.clock.now(), caller.user.user_id);
    let rows = state
        .db
        .run(Circuit::Auth, "list_sessions", async |conn| sessions::list(conn, user_id, now).await)
        .await?;
    let sessions: Vec<SessionBody> =
        rows.into_iter().map(|row| body(row, caller.family_id)).collect();
    secret(HttpResponse::Ok(), &SessionsBody { success: true, count: sessions.len(), sessions })
}

/// End one of my sessions
///
/// Its refresh token and access tokens are refused from now on. It may be the one you are using.
#[utoipa::path(
    tag = "auth",
    operation_id = "end_session",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses((status = 200, body = Message), (status = 404, description = "You have no such session, or it has ended"))
)]
#[delete("/api/auth/sessions/{id}")]
async fn end(
    caller: Person,
    UuidPath(id): UuidPath,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, user_id, actor) =
        (state.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = state.db.transaction(Circuit::Auth, "end_session", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        sessions::end(conn, user_id, id, now).await?;
        let details = json!({ "session": id });
        audit_events::record(conn, &actor, Action::SessionEnded, target(&caller), &details, now)
            .await
    });
    let ended = state.invalidation(Concern::Sessions(user_id)).deliver_after(ended).await;
    ended.map_err(|error| match error.into() {
        ApiError::NotFound(_) => ApiError::NotFound("Session not found"),
        error => error,
    })?;
    answer::json(&mut HttpResponse::Ok(), &Message::of("Session ended"))
}

/// End all my other sessions
///
/// All but the one you are using; your API keys go on working.
#[utoipa::path(
    tag = "auth",
    operation_id = "end_other_sessions",
    security(("bearer" = [])),
    responses((status = 200, body = EndedSessions))
)]
#[delete("/api/auth/sessions")]
async fn end_others(
    caller: Person,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, user_id, actor) =
        (state.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = state.db.transaction(Circuit::Auth, "end_other_sessions", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let count = sessions::end_all(conn, user_id, Some(caller.family_id), now).await?;
        if count > 0 {
            let details = json!({ "sessions": count });
            audit_events::record(
                conn,
                &actor,
                Action::SessionEnded,
                target(&caller),
                &details,
                now,
            )
            .await?;
        }
        Ok(count)
    });
    let count = state.invalidation(Concern::Sessions(user_id)).deliver_after(ended).await?;
    let message = format!("{count} other sessions ended");
    answer::json(&mut HttpResponse::Ok(), &EndedSessions { success: true, message, count })
}
