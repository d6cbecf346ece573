//! Authentication: finds the caller of a request before its handler reads anything else, so that a
//! bad credential is answered 401 whatever the body is. Whether a handler needs a caller is decided
//! by its parameters (`http::extract::caller`).

mod cached;
mod session;

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};

pub use self::cached::CachedIdentity;
use self::session::{by_cookie, by_token};
use crate::actors::api_key_cache::KeyError;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::headers::LimitReport;
use crate::http::rate_limit::refusals::{RateLimitedRequest, rate_limited};
use crate::http::request::caller::{Caller, Identity, LoggedCaller};
use crate::http::request::class::RequestClass;
use crate::http::request::context::RequestContext;
use crate::http::request::credential::{NO_TOKEN, PresentedCredential, presented};
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;
use crate::telemetry::instruments::authentication::AuthMethod;

/// Puts the [`Identity`] of the caller into the request.
pub async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // Where no handler uses a caller, credentials have no effect: no lookup, no error, no count.
    if !RequestClass::from_request(&request).uses_caller {
        return next.call(request).await;
    }
    let identity = identify(&request).await;
    if let Ok(Some(caller)) = &identity {
        request.extensions_mut().insert(LoggedCaller::from(caller));
    }
    request.extensions_mut().insert(Identity(identity));
    next.call(request).await
}

async fn identify(request: &ServiceRequest) -> Result<Option<Caller>, ApiError> {
    let Some(state) = request.app_data::<web::Data<AppState>>() else { return Ok(None) };
    let (method, identified) = match presented(request)? {
        None => return Ok(None),
        Some(PresentedCredential::Cookie(token)) => {
            (AuthMethod::Jwt, by_cookie(state, &token, request.request()).await)
        }
        Some(PresentedCredential::Token(token)) => {
            (AuthMethod::Jwt, by_token(state, token.token(), request.request()).await)
        }
        Some(PresentedCredential::ApiKey(key)) => {
            (AuthMethod::ApiKey, by_key(state, &key, request.request()).await)
        }
    };
    // Count each attempt once; skip it if the credential could not be looked up.
    match &identified {
        Ok(_) => state.instruments.authentication.count_attempt(method, true),
        Err(
            ApiError::Unavailable { .. }
            | ApiError::Overloaded { .. }
            | ApiError::Internal { .. }
            | ApiError::RateLimited { .. },
        ) => {}
        Err(_) => state.instruments.authentication.count_attempt(method, false),
    }
    identified.map(Some)
}

/// Authenticates a request again, for a handler that waited for its body and acts without a
/// transaction. Counts no attempt. While the database is unavailable, cached callers are accepted,
/// as for every request.
///
/// # Errors
/// As for a new request.
pub async fn reauthenticate(request: &HttpRequest) -> Result<Caller, ApiError> {
    let Some(state) = request.app_data::<web::Data<AppState>>() else {
        return Err(ApiError::Internal { cause: "the application has no state".into() });
    };
    match presented(request)? {
        None => Err(ApiError::Authentication(NO_TOKEN)),
        Some(PresentedCredential::Cookie(token)) => by_cookie(state, &token, request).await,
        Some(PresentedCredential::Token(token)) => by_token(state, token.token(), request).await,
        Some(PresentedCredential::ApiKey(key)) => by_key(state, &key, request).await,
    }
}

async fn by_key(state: &AppState, key: &str, request: &HttpRequest) -> Result<Caller, ApiError> {
    let (keys, limiter) = (&state.accounts.keys, &state.rate_limiter);
    let Ok(key) = ApiKey::parse(key) else {
        keys.count_malformed();
        return Err(ApiError::InvalidApiKey);
    };
    let (hash, now, instant) = (key.hash(), state.clock.now(), Instant::now());
    let client = RequestContext::client(request).map(|client| client.0);
    let known = match client.map(ClientPrefix::from) {
        Some(prefix) if limiter.is_enabled() && !keys.is_cached(&hash, instant) => {
            // The lookup takes a hit before its statement, and keeps it if the key is unknown.
            let lookup = limiter.reserve_key_lookup(prefix, now.timestamp_millis()).await;
            let lookup = lookup.map_err(|wait| refuse_lookup(state, request, wait))?;
            let known = keys.authenticate(hash, client, now, instant).await;
            if !matches!(known, Err(KeyError::Invalid)) {
                lookup.release();
            }
            known?
        }
        _ => keys.authenticate(hash, client, now, instant).await?,
    };
    Ok(Caller::with_key(&known.authority))
}

fn refuse_lookup(state: &AppState, request: &HttpRequest, wait: Wait) -> ApiError {
    let (policy, limiter) = (Policy::UnknownKey, &state.rate_limiter);
    let quota = limiter.quota(policy);
    let refused = RateLimitedRequest { policy, request, subject: None };
    limiter.refusals.record(&state.logger, &refused);
    LimitReport::new(policy, quota, Err(wait)).add_to(request);
    rate_limited(policy, quota, wait)
}
