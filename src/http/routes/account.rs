//! What a user does with its own account.

use actix_web::{HttpResponse, get, post, web};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::token_pair::secret;
use crate::actors::db_breaker::Circuit;
use crate::credentials::passwords;
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::Caller;
use crate::http::extract::json_body::JsonBody;
use crate::storage::users::User;
use crate::storage::{sessions, users};

/// All routes of one's own account.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(me).service(change_password);
}

/// An old password and a new one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// 12 to 128 characters, none of the common ones.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserBody {
    pub(super) success: bool,
    pub(super) user: User,
}

/// What a new password must be.
pub(super) fn check_password(
    field: &str,
    password: &SecretString,
    username: &str,
    email: &str,
) -> Result<(), ApiError> {
    passwords::flaw(password, username, email).map_or(Ok(()), |flaw| Err(ApiError::invalid(field, flaw)))
}

/// Who am I
#[utoipa::path(tag = "auth", security(("bearer" = [])), responses((status = 200, body = UserBody)))]
#[get("/api/auth/me")]
async fn me(caller: Caller) -> Result<HttpResponse, ApiError> {
    secret(HttpResponse::Ok(), &UserBody { success: true, user: caller.user })
}

/// Change my password
///
/// Ends all other log-ins.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses((status = 200, body = Message))
)]
#[post("/api/auth/change-password")]
async fn change_password(
    caller: Caller,
    body: JsonBody<PasswordChange>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let PasswordChange { current_password, new_password } = body.value;
    let user = &caller.user;
    check_password("new_password", &new_password, &user.username, &user.email)?;
    let old = state
        .db
        .run(Circuit::Auth, "password_hash", async |conn| users::password_hash(conn, user.user_id).await)
        .await?;
    if !state.hasher.verify(current_password, Some(old.expose_secret().to_owned())).await? {
        return Err(ApiError::Authentication("The current password is wrong"));
    }
    let new = state.hasher.hash(new_password).await?;
    let now = state.clock.now();
    state
        .db
        .transaction(Circuit::Auth, "change_password", async |conn| {
            users::set_password(conn, user.user_id, Some(&old), &new, now).await?;
            sessions::end_all(conn, user.user_id, Some(caller.family_id), now).await
        })
        .await?;
    state.callers.forget_all();
    json(&mut HttpResponse::Ok(), &Message::of("Password changed; all other sessions are ended"))
}
