//! Routes of the caller's own account: profile and password.

use actix_web::{HttpResponse, get, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::users::response::UserBody;
use crate::http::accounts::own_account::{self, PasswordChangeBody, get_profile};
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::{json, secret_json};

/// Registers the routes of the caller's own account.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(me).service(change_password);
}

/// Get my profile
///
/// Needs an access token; an API key has no profile.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, body = UserBody))
)]
#[get("/api/auth/me")]
async fn me(
    caller: SessionCaller,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let user = get_profile(&services, &caller).await?;
    secret_json(HttpResponse::Ok(), &UserBody::from(user))
}

/// Change my password
///
/// Ends all other sessions and, unless `keep_api_keys` is true, revokes all API keys.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChangeBody,
    responses(
        (status = 200, body = MessageBody),
        (status = 403,
            description = "`current_password` is wrong (`WRONG_PASSWORD`), or the request used an \
                API key"),
    )
)]
#[post("/api/auth/change-password")]
async fn change_password(
    caller: SessionCaller,
    limiter: RequestLimiter,
    origin: Origin,
    body: JsonBody<PasswordChangeBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let keep_api_keys = body.value.keep_api_keys;
    own_account::change_password(&services, (&caller, &origin), &limiter, body.value).await?;
    let message = if keep_api_keys {
        "Password changed; all other sessions are ended"
    } else {
        "Password changed; all other sessions are ended and all API keys revoked"
    };
    json(&mut HttpResponse::Ok(), &MessageBody::new(message))
}
