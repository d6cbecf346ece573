//! Authentication by an access token: its signature and times, then its session, from the cache
//! or from the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpMessage, HttpRequest};

use crate::actors::db_breaker::{Circuit, DbError};
use crate::cache::sessions::{SessionKey, SessionLookup};
use crate::credentials::tokens::AccessClaims;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::caller::{Caller, Credential, UnconfirmedToken, VerifiedToken};
use crate::storage::sessions::{self, LiveSession};
use crate::telemetry::instruments::operations::CacheOutcome;

/// Most reads of a session that is invalidated during each of them.
const MAX_READS: u32 = 4;
/// When to send a request again whose session was invalidated during all of them.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Authenticates by an access token. If its session cannot be looked up, because the database is
/// unavailable, and is not cached, the request keeps the claims ([`UnconfirmedToken`]).
pub(super) async fn by_token(
    state: &AppState,
    token: &str,
    request: &HttpRequest,
) -> Result<Caller, ApiError> {
    let claims = claims(state, token, request)?;
    by_session(state, (claims.user_id, claims.sid), Some(&claims), request).await
}

/// Authenticates by the token in a session cookie.
pub(super) async fn by_cookie(
    state: &AppState,
    token: &str,
    request: &HttpRequest,
) -> Result<Caller, ApiError> {
    let claims = state.accounts.tokens.verify_browser(token, state.clock.now());
    let claims = claims.map_err(|_| ApiError::InvalidToken)?;
    by_session(state, (claims.user_id(), claims.sid), None, request).await
}

/// Finds the session that a verified token names. `claims` are those of an access token.
async fn by_session(
    state: &AppState,
    session: SessionKey,
    claims: Option<&Arc<AccessClaims>>,
    request: &HttpRequest,
) -> Result<Caller, ApiError> {
    let (cached, now) = (&state.accounts.sessions, Instant::now());
    let outcomes = &state.instruments.authentication;
    let found = match cached.get(session, now) {
        SessionLookup::Fresh(session) => {
            outcomes.count_session_lookup(CacheOutcome::Hit);
            Some(session)
        }
        _ => look_up(state, session, claims, request).await?,
    };
    // Its end is checked on every hit: nothing announces it.
    match found {
        Some(live) if live.expires_at > state.clock.now() => {
            let user = Arc::clone(&live.user);
            Ok(Caller { user, credential: Credential::Session(session.1) })
        }
        _ => Err(ApiError::InvalidToken),
    }
}

/// Verifies a token, unless the rate limit has done so for this request.
fn claims(
    state: &AppState,
    token: &str,
    request: &HttpRequest,
) -> Result<Arc<AccessClaims>, ApiError> {
    // Taken, because a second authentication comes later, when the token may have expired.
    if let Some(VerifiedToken(claims)) = request.extensions_mut().remove() {
        return Ok(claims);
    }
    let (tokens, now) = (&state.accounts.tokens, state.clock.now());
    tokens.verify_access(token, now).map_err(|_| {
        let expired = tokens.is_expired_access(token, now);
        if expired { ApiError::ExpiredToken } else { ApiError::InvalidToken }
    })
}

/// Looks a session up in the database. One that was invalidated meanwhile is read again: the answer
/// may be from before. While the database is unavailable or the service overloaded, a cached
/// session is accepted.
async fn look_up(
    state: &AppState,
    session: SessionKey,
    claims: Option<&Arc<AccessClaims>>,
    request: &HttpRequest,
) -> Result<Option<LiveSession>, ApiError> {
    let cached = &state.accounts.sessions;
    let outcomes = &state.instruments.authentication;
    for _ in 0..MAX_READS {
        let start = cached.begin_lookup(Instant::now());
        match find(state, session).await {
            Ok(Some(live)) => {
                if cached.insert(session, live.clone(), start) {
                    outcomes.count_session_lookup(CacheOutcome::Miss);
                    return Ok(Some(live));
                }
            }
            Ok(None) => {
                outcomes.count_session_lookup(CacheOutcome::Miss);
                cached.remove(session);
                return Ok(None);
            }
            Err(error) => {
                let is_unavailable = matches!(error, DbError::Unavailable { .. });
                let error = ApiError::from(error);
                if let ApiError::Unavailable { .. } | ApiError::Overloaded { .. } = &error
                    && let SessionLookup::Fresh(live) | SessionLookup::Doubtful(live) =
                        cached.get(session, Instant::now())
                {
                    outcomes.count_session_lookup(CacheOutcome::Stale);
                    return Ok(Some(live));
                }
                outcomes.count_session_lookup(CacheOutcome::Miss);
                if let (true, Some(claims)) = (is_unavailable, claims) {
                    let token = UnconfirmedToken(AccessClaims::clone(claims));
                    request.extensions_mut().insert(token);
                }
                return Err(error);
            }
        }
    }
    outcomes.count_session_lookup(CacheOutcome::Miss);
    Err(ApiError::Overloaded { retry_after: RETRY_AFTER })
}

async fn find(
    state: &AppState,
    (user_id, family_id): SessionKey,
) -> Result<Option<LiveSession>, DbError> {
    let now = state.clock.now();
    let found = state.db.run(Circuit::Auth, "sessions.authenticate", async |conn| {
        sessions::authenticate(conn, user_id, family_id, now).await
    });
    found.await
}
