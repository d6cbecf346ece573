//! Log-in with username or email and password.

use actix_web::{HttpResponse, post, web};

use super::response::LoggedInBody;
use crate::http::accounts::log_in::{LoginBody, log_in};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::secret_json;
use crate::http::routes::token_pair::token_pair;
use crate::storage::sessions::SessionClient;

/// Log in with a password
///
/// Send the access token as `Authorization: Bearer …`, and exchange the refresh token for new ones
/// before it expires. Too many failed attempts for an account or from an address are refused.
#[utoipa::path(
    tag = "auth",
    request_body = LoginBody,
    responses(
        (status = 200, body = LoggedInBody),
        (status = 401, description = "User name or password is wrong"),
    )
)]
#[post("/api/auth/login")]
pub(super) async fn login(
    _: Anyone,
    limiter: RequestLimiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<LoginBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let (user, session) = log_in(&services, &limiter, (client, origin), body.value).await?;
    let tokens = token_pair(&services.tokens, services.clock.now(), &user, &session)?;
    let body = LoggedInBody { success: true, user: user.into(), tokens };
    secret_json(HttpResponse::Ok(), &body)
}
