//! Log-out with a refresh token.

use actix_web::{HttpResponse, post, web};
use secrecy::ExposeSecret;
use serde_json::json;

use super::refresh_token::{BAD_REFRESH, RefreshBody, presented};
use crate::actors::db_breaker::Circuit;
use crate::http::accounts::user_target::target;
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::response;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::sessions::rotation;
use crate::storage::{StorageError, audit_events, users};

/// Log out
///
/// Ends the session of the refresh token, with its access tokens.
#[utoipa::path(
    tag = "auth",
    request_body = RefreshBody,
    responses(
        (status = 200, body = MessageBody),
        (status = 401, description = "The refresh token is invalid"),
    )
)]
#[post("/api/auth/logout")]
pub(super) async fn logout(
    _: Anyone,
    origin: Origin,
    body: JsonBody<RefreshBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    origin.set_attempted_action(Action::Unauthenticated, None);
    let (token, now) = (body.value.refresh_token.expose_secret(), services.clock.now());
    let claims = services
        .tokens
        .verify_refresh(token, now)
        .map_err(|_| ApiError::Authentication(BAD_REFRESH))?;
    let presented = presented(&claims, token);
    let ended = services.db.transaction(Circuit::Auth, "sessions.logout", async |conn| {
        match rotation::revoke_by_token(conn, &presented, now).await {
            // The session had ended before: log-out is idempotent.
            Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let user = users::get(conn, claims.user_id()).await?;
                let actor = origin.actor_named(user.user_id, &user.username);
                let (action, details) = (Action::SessionEnded, json!({ "session": claims.sid }));
                audit_events::record(conn, &actor, action, target(&user), &details, now).await
            }
        }
    });
    let scope = InvalidationScope::Sessions(claims.user_id());
    services.invalidation(scope).apply_after(ended).await?;
    response::json(&mut HttpResponse::Ok(), &MessageBody::new("Logged out"))
}
