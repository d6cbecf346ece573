//! Self-registration.

use actix_web::{HttpResponse, post, web};

use super::response::LoggedInBody;
use crate::http::accounts::registration::{self, RegistrationBody};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::registration::RegistrationEnabled;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::secret_json;
use crate::http::routes::token_pair::token_pair;
use crate::storage::sessions::SessionClient;

/// Register
///
/// The new user is a viewer; an administrator can change the role.
#[utoipa::path(
    tag = "auth",
    request_body = RegistrationBody,
    responses(
        (status = 201, description = "Created", body = LoggedInBody),
        (status = 404, description = "Registration is disabled"),
        (status = 409, description = "The username or email exists"),
    )
)]
#[post("/api/auth/register")]
pub(super) async fn register(
    _: RegistrationEnabled,
    limiter: RequestLimiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<RegistrationBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let who = (client, origin);
    let (user, session) = registration::register(&services, &limiter, who, body.value).await?;
    let tokens = token_pair(&services.tokens, services.clock.now(), &user, &session)?;
    let body = LoggedInBody { success: true, user: user.into(), tokens };
    secret_json(HttpResponse::Created(), &body)
}
