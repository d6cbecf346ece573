//! Rotation of refresh tokens.

use actix_web::{HttpResponse, post, web};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::refresh_token::{BAD_REFRESH, RefreshBody, presented};
use crate::actors::db_breaker::Circuit;
use crate::credentials::tokens::RefreshClaims;
use crate::http::accounts::next_session;
use crate::http::accounts::user_target::target;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::{Against, RequestLimiter, is_failed_attempt};
use crate::http::response::secret_json;
use crate::http::routes::token_pair::{TokenPair, token_pair};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::rate_limit::policy::Policy;
use crate::storage::sessions::SessionClient;
use crate::storage::sessions::rotation::{self, Rotation};
use crate::storage::{audit_events, known_addresses, users};
use crate::telemetry::instruments::authentication::AuthMethod;

/// The successors of a refresh token.
#[derive(Serialize, ToSchema)]
#[schema(as = RefreshedTokens)]
struct RefreshedBody {
    success: bool,
    tokens: TokenPair,
}

/// Exchange a refresh token for new tokens
///
/// A refresh token is valid for one exchange. If it is sent again within ten seconds, it gets the
/// same successor, for clients that lost the response; if it is sent again later, the session is
/// revoked, because the token may have been stolen.
#[utoipa::path(
    tag = "auth",
    request_body = RefreshBody,
    responses(
        (status = 200, body = RefreshedBody),
        (status = 401, description = "The refresh token is invalid, used or expired"),
    )
)]
#[post("/api/auth/refresh")]
pub(super) async fn refresh(
    _: Anyone,
    limiter: RequestLimiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<RefreshBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    origin.set_attempted_action(Action::Unauthenticated, None);
    let token = body.value.refresh_token.expose_secret();
    // The signature is verified before the rate limit is charged: a forged token costs no
    // statement, and does not use up the hits of an address that others share.
    let claims = services
        .tokens
        .verify_refresh(token, services.clock.now())
        .map_err(|_| refused(&services))?;
    let work = async || rotate(&services, (client, origin), (&claims, token), &limiter).await;
    limiter.guard(Policy::Auth, Against::Address, is_failed_attempt, work).await
}

fn refused(services: &AccountServices) -> ApiError {
    services.instruments.authentication.count_attempt(AuthMethod::Refresh, false);
    ApiError::Authentication(BAD_REFRESH)
}

async fn rotate(
    services: &AccountServices,
    (client, origin): (SessionClient, Origin),
    (claims, token): (&RefreshClaims, &str),
    limiter: &RequestLimiter,
) -> Result<HttpResponse, ApiError> {
    let (presented, next) = (presented(claims, token), next_session(&services.clock, client));
    let client_prefix = limiter.client_prefix();
    let rotated = services.db.transaction(Circuit::Auth, "sessions.refresh", async |conn| {
        let rotation = rotation::rotate(conn, &services.tokens, &presented, &next).await?;
        if let Rotation::Rotated(successor) = &rotation {
            let user_id = successor.1.user_id;
            known_addresses::record(conn, user_id, &client_prefix, next.now).await?;
        }
        if let Rotation::Reused(user_id) = &rotation {
            let user = users::get(conn, *user_id).await?;
            let (actor, details) = (origin.anonymous_actor(), json!({ "session": claims.sid }));
            origin.set_attempted_action(Action::SessionReuseDetected, None);
            audit_events::record_reuse(conn, &actor, target(&user), &details, next.now).await?;
        }
        Ok(rotation)
    });
    let is_revoked = |rotation: &Rotation| matches!(rotation, Rotation::Reused(_));
    let invalidation = services.invalidation(InvalidationScope::Sessions(claims.user_id()));
    match invalidation.apply_after_if(rotated, is_revoked).await? {
        Rotation::Rotated(successor) => {
            services.instruments.authentication.count_attempt(AuthMethod::Refresh, true);
            let (session, user) = *successor;
            limiter.insert_known_address(&user);
            let tokens = token_pair(&services.tokens, services.clock.now(), &user, &session)?;
            secret_json(HttpResponse::Ok(), &RefreshedBody { success: true, tokens })
        }
        Rotation::Refused => Err(refused(services)),
        Rotation::Reused(user_id) => {
            slog::warn!(services.logger, "refresh token reuse detected; session revoked";
                "user_id" => user_id.to_string());
            Err(refused(services))
        }
    }
}
