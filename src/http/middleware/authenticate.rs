//! Who is calling. Asked before a handler's other parameters are read, so that a stranger hears 401
//! whatever it sends; whether anyone must be known is the handler's to say
//! (`http::extract::caller`).

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};

use crate::actors::api_key_cache::Refusal;
use crate::actors::db_breaker::Circuit;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::headers::Report;
use crate::http::rate_limit::{Refused, exceeded, report};
use crate::http::request::caller::{Caller, Credential, Identity, Seen};
use crate::http::request::class::RequestClass;
use crate::http::request::client_ip::ClientAddress;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Standing, Wait};
use crate::storage::sessions;
use crate::telemetry::instruments::authentication::Method;

const API_KEY: &str = "x-api-key";
const NO_TOKEN: &str = "Authorization must be a Bearer token";

/// Puts the caller's [`Identity`] into the request.
pub async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // Where no handler can use a caller, credentials cost nothing and change nothing: no lookup, no
    // error, no count.
    if !RequestClass::of(&request).uses_caller {
        return next.call(request).await;
    }
    let identity = identify(&request).await;
    if let Ok(Some(caller)) = &identity {
        request.extensions_mut().insert(Seen::from(caller));
    }
    request.extensions_mut().insert(Identity(identity));
    next.call(request).await
}

async fn identify(request: &ServiceRequest) -> Result<Option<Caller>, ApiError> {
    let Some(state) = request.app_data::<web::Data<AppState>>() else { return Ok(None) };
    let (method, identified) = match credential(request.headers())? {
        None => return Ok(None),
        Some(Presented::Token(token)) => (Method::Jwt, by_token(state, token).await),
        Some(Presented::Key(key)) => (Method::ApiKey, by_key(state, key, request.request()).await),
    };
    // Counted once, when the verdict is final; that nobody could be asked is none.
    match &identified {
        Ok(_) => state.instruments.authentication.attempt(method, true),
        Err(
            ApiError::Unavailable { .. } | ApiError::Internal { .. } | ApiError::RateLimited { .. },
        ) => {}
        Err(_) => state.instruments.authentication.attempt(method, false),
    }
    identified.map(Some)
}

/// The caller once more, for a handler that waited for its body and acts without a transaction.
/// Counts no attempt; while the database is unavailable, what is cached counts, as it does for
/// every request.
///
/// # Errors
/// As for a new request.
pub async fn identify_again(state: &AppState, request: &HttpRequest) -> Result<Caller, ApiError> {
    match credential(request.headers())? {
        None => Err(ApiError::Authentication(NO_TOKEN)),
        Some(Presented::Token(token)) => by_token(state, token).await,
        Some(Presented::Key(key)) => by_key(state, key, request).await,
    }
}

async fn by_key(state: &AppState, key: &str, request: &HttpRequest) -> Result<Caller, ApiError> {
    let Ok(key) = ApiKey::parse(key) else {
        state.keys.malformed();
        return Err(ApiError::InvalidApiKey);
    };
    let (hash, now, instant) = (key.hash(), state.clock.now(), Instant::now());
    let client = request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
    let known = match client {
        Some(client) if state.limits.is_enabled() && !state.keys.is_cached(&hash, instant) => {
            // A lookup takes a hit before its statement, and returns it unless the key does not
            // exist.
            let milliseconds = now.timestamp_millis();
            let lookup = state.limits.look_up_key(client, milliseconds).await;
            let lookup =
                lookup.map_err(|wait| refuse_lookup(state, request, wait, milliseconds))?;
            let known = state.keys.authenticate(hash, now, instant).await;
            if !matches!(known, Err(Refusal::Invalid)) {
                lookup.give_back();
            }
            known?
        }
        _ => state.keys.authenticate(hash, now, instant).await?,
    };
    let standing = &known.standing;
    let credential = Credential::Key {
        key_id: standing.key_id,
        scopes: standing.scopes,
        rate_limit: standing.rate_limit,
    };
    Ok(Caller { user: standing.owner.clone(), credential })
}

fn refuse_lookup(state: &AppState, request: &HttpRequest, wait: Wait, now: i64) -> ApiError {
    let policy = Policy::UnknownKey;
    let refused = Refused { policy, request, subject: None };
    state.limits.refusals.record(&state.logger, &refused, now);
    let standing = Standing { remaining: 0, reset: wait.0 };
    report(request, Report { policy, quota: state.limits.quota(policy), standing });
    exceeded(policy, wait)
}

async fn by_token(state: &AppState, token: &str) -> Result<Caller, ApiError> {
    let now = state.clock.now();
    let refused = || {
        if state.tokens.is_expired_access(token, now) {
            ApiError::ExpiredToken
        } else {
            ApiError::InvalidToken
        }
    };
    let claims = state.tokens.verify_access(token, now).map_err(|_| refused())?;
    // The token says who; the database says whether that still holds, and what it may do now. While
    // it is away, what it said last counts, for a while.
    let (log_in, epoch) = ((claims.user_id, claims.sid), state.callers.epoch());
    let asked = state.db.run(Circuit::Auth, "authenticate", async |conn| {
        sessions::authenticate(conn, claims.user_id, claims.sid, now).await
    });
    let user = match asked.await.map_err(ApiError::from) {
        Ok(Some(user)) => {
            state.callers.remember(log_in, user.clone(), epoch);
            Some(user)
        }
        Ok(None) => {
            state.callers.forget(log_in);
            None
        }
        Err(away @ ApiError::Unavailable { .. }) => Some(state.callers.recall(log_in).ok_or(away)?),
        Err(error) => return Err(error),
    };
    let user = user.ok_or(ApiError::InvalidToken)?;
    Ok(Caller { user, credential: Credential::LogIn(claims.sid) })
}

/// What a request presents.
#[derive(Clone, Copy)]
pub(crate) enum Presented<'a> {
    /// A bearer token (RFC 6750, 2.1).
    Token(&'a str),
    /// An API key.
    Key(&'a str),
}

/// The one credential of a request.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Option<Presented<'_>>, ApiError> {
    let (tokens, keys) = (headers.get_all(AUTHORIZATION).count(), headers.get_all(API_KEY).count());
    match (tokens, keys) {
        (0, 0) => Ok(None),
        (0, 1) => {
            let value =
                headers.get(API_KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
            Ok(Some(Presented::Key(value.trim())))
        }
        (1, 0) => {
            let value = headers
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Ok(Some(Presented::Token(token.trim())))
                }
                _ => Err(ApiError::Authentication(NO_TOKEN)),
            }
        }
        _ => Err(ApiError::invalid("", "must carry one credential, once")),
    }
}
