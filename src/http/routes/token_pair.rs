//! The tokens that a log-in, a registration or a refresh is answered with.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::credentials::tokens::{Bearer, InvalidToken};
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::error::ApiError;
use crate::storage::sessions::{NextSession, Session, SessionClient};
use crate::storage::users::User;

/// A new access token and the refresh token that goes with it.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenPair {
    access_token: String,
    refresh_token: String,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
    /// Always "Bearer".
    token_type: &'static str,
    /// The jti of the access token.
    token_id: Uuid,
}

impl From<InvalidToken> for ApiError {
    fn from(_: InvalidToken) -> Self {
        Self::Internal { cause: "a token could not be signed".into() }
    }
}

/// The session that a log-in or refresh is to create.
pub(super) fn next_session(state: &AppState, client: SessionClient) -> NextSession {
    NextSession { session_id: Uuid::now_v7(), now: state.clock.now(), client }
}

pub(super) fn pair(
    state: &AppState,
    user: &User,
    session: &Session,
) -> Result<TokenPair, ApiError> {
    let (token_id, now) = (Uuid::now_v7(), state.clock.now());
    let bearer = Bearer {
        user_id: user.user_id,
        username: &user.username,
        email: &user.email,
        role: user.role.as_ref(),
        family_id: session.family_id,
    };
    let expires_in = state.tokens.access_lifetime(session.expires_at, now);
    Ok(TokenPair {
        access_token: state.tokens.issue_access(bearer, token_id, now, expires_in)?,
        refresh_token: state.tokens.issue_refresh(session.refresh_subject())?,
        expires_in,
        token_type: "Bearer",
        token_id,
    })
}

/// Answers that carry secrets are kept by nobody on the way.
pub(super) fn secret<T: Serialize>(
    mut builder: HttpResponseBuilder,
    body: &T,
) -> Result<HttpResponse, ApiError> {
    json(builder.insert_header((CACHE_CONTROL, "no-store")), body)
}
