//! Password reset: requested by email address, confirmed with the token of the mail.

use actix_web::{HttpResponse, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::accounts::password_resets::{
    ResetConfirmationBody, ResetRequestBody, confirm_reset, request_reset,
};
use crate::http::app_data::{AccountServices, MailServices};
use crate::http::auditing::queue::AuditQueue;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response;

const ACCEPTED: &str = "If an account exists for this address, an email was sent. The token is \
                        valid for 30 minutes.";

/// Registers both routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(request).service(confirm);
}

/// Request a password reset
///
/// The response and its timing are the same whether or not an account has this address: the work is
/// done after the response.
#[utoipa::path(
    tag = "auth",
    operation_id = "request_password_reset",
    request_body = ResetRequestBody,
    responses((status = 202, description = "Accepted", body = MessageBody))
)]
#[post("/api/auth/password-reset/request")]
async fn request(
    _: Anyone,
    limiter: RequestLimiter,
    origin: Origin,
    body: JsonBody<ResetRequestBody>,
    services: web::Data<AccountServices>,
    mail: web::Data<MailServices>,
    audit: web::Data<AuditQueue>,
) -> Result<HttpResponse, ApiError> {
    request_reset((services, mail), audit, (&limiter, &origin), body.value).await?;
    response::json(&mut HttpResponse::Accepted(), &MessageBody::new(ACCEPTED))
}

/// Confirm a password reset
///
/// Sets a new password with the token of the mail, which is valid once. Ends all sessions and
/// revokes all API keys.
#[utoipa::path(
    tag = "auth",
    operation_id = "confirm_password_reset",
    request_body = ResetConfirmationBody,
    responses(
        (status = 200, body = MessageBody),
        (status = 401, description = "The token is invalid, used or expired"),
    )
)]
#[post("/api/auth/password-reset/confirm")]
async fn confirm(
    _: Anyone,
    limiter: RequestLimiter,
    origin: Origin,
    body: JsonBody<ResetConfirmationBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    confirm_reset(&services, &limiter, &origin, body.value).await?;
    response::json(
        &mut HttpResponse::Ok(),
        &MessageBody::new("Password set; all sessions are ended and all API keys revoked"),
    )
}
