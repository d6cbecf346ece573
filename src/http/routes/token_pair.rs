//! The tokens in the response to a log-in, a registration or a refresh.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::credentials::tokens::{AccessSubject, InvalidToken, Tokens};
use crate::http::error::ApiError;
use crate::storage::sessions::Session;
use crate::storage::users::User;

/// An access token and its refresh token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenPair {
    access_token: String,
    refresh_token: String,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
    /// Is always "Bearer".
    token_type: &'static str,
    /// The jti of the access token.
    token_id: Uuid,
}

impl From<InvalidToken> for ApiError {
    fn from(_: InvalidToken) -> Self {
        Self::Internal { cause: "a token could not be signed".into() }
    }
}

/// Issues the tokens of a session.
pub(super) fn token_pair(
    tokens: &Tokens,
    now: DateTime<Utc>,
    user: &User,
    session: &Session,
) -> Result<TokenPair, ApiError> {
    let token_id = Uuid::now_v7();
    let subject = AccessSubject {
        user_id: user.user_id,
        username: &user.username,
        email: &user.email,
        role: user.role.as_ref(),
        family_id: session.family_id,
    };
    let expires_in = tokens.access_lifetime(session.expires_at, now);
    Ok(TokenPair {
        access_token: tokens.issue_access(subject, token_id, now, expires_in)?,
        refresh_token: tokens.issue_refresh(session.refresh_subject())?,
        expires_in,
        token_type: "Bearer",
        token_id,
    })
}
