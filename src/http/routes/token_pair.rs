//! The tokens that a log-in, a registration or a refresh is answered with.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::credentials::tokens::{Bearer, InvalidToken, fingerprint};
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::error::ApiError;
use crate::storage::sessions::NewSession;
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

/// A log-in or refresh in the making: its next refresh token is known before the database is asked.
pub(super) struct Next {
    pub(super) session: NewSession,
    pub(super) now: DateTime<Utc>,
}

impl Next {
    pub(super) fn of(state: &AppState, user_id: Uuid) -> Result<Self, ApiError> {
        let (now, session_id) = (state.clock.now(), Uuid::now_v7());
        let token = state.tokens.issue_refresh(user_id, session_id, now)?;
        let session = NewSession {
            session_id,
            token_hash: fingerprint(&token),
            created_at: now,
            expires_at: now + chrono::TimeDelta::seconds(state.tokens.refresh_expiry),
        };
        Ok(Self { session, now })
    }
}

pub(super) fn pair(
    state: &AppState,
    user: &User,
    family_id: Uuid,
    (session_id, issued): (Uuid, DateTime<Utc>),
) -> Result<TokenPair, ApiError> {
    let token_id = Uuid::now_v7();
    let bearer = Bearer {
        user_id: user.user_id,
        username: &user.username,
        email: &user.email,
        role: user.role.as_ref(),
        family_id,
    };
    Ok(TokenPair {
        access_token: state.tokens.issue_access(bearer, token_id, state.clock.now())?,
        refresh_token: state.tokens.issue_refresh(user.user_id, session_id, issued)?,
        expires_in: state.tokens.access_expiry,
        token_type: "Bearer",
        token_id,
    })
}

/// Answers that carry secrets are kept by nobody on the way.
pub(super) fn secret<T: Serialize>(mut builder: HttpResponseBuilder, body: &T) -> Result<HttpResponse, ApiError> {
    json(builder.insert_header((CACHE_CONTROL, "no-store")), body)
}
