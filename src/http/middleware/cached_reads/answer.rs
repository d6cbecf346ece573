//! The rules of a read that is answered at once: the response, the caller and the limits are those
//! of the way through all middlewares, as far as they are known without waiting.
//!
//! A response is in the cache for its path and parameters only if a handler made it: so they are
//! valid. Whether it may be sent without its handler says `CacheKey::for_readers_of`.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_ENCODING, ContentEncoding};
use actix_web::{HttpMessage, HttpResponse, web};

use crate::http::AppState;
use crate::http::catalogue::cache_key::key_text;
use crate::http::catalogue::cached_read::ReadyResponse;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::query::QueryParameters;
use crate::http::middleware::authenticate::CachedIdentity;
use crate::http::middleware::queries::size_violation;
use crate::http::rate_limit::burst::BurstConfig;
use crate::http::rate_limit::paid_read::PaidRead;
use crate::http::request::caller::LoggedCaller;
use crate::http::request::class::{RequestClass, RequestKind};

/// Answers a request if everything that its response depends on is known.
pub(super) fn answer(request: &ServiceRequest, burst: &BurstConfig) -> Option<HttpResponse> {
    let is_read = RequestClass::from_request(request).kind == RequestKind::Catalogue
        && request.method() == Method::GET;
    let state = request.app_data::<web::Data<AppState>>().filter(|_| is_read)?;
    let response = find(request, state)?;
    let identity = CachedIdentity::find(request, state)?;
    match identity.caller() {
        _ if state.access_policy.anonymous_read => {}
        caller => caller?.require(response.readers).ok()?,
    }
    let charge = PaidRead::charge(request, state, burst, identity.caller())?;
    identity.record(state);
    if let Some(caller) = identity.caller() {
        request.extensions_mut().insert(LoggedCaller::from(caller));
    }
    let mut response = response.respond(&state.catalogue);
    charge.write(response.headers_mut(), &state.rate_limiter);
    Some(response)
}

fn find(request: &ServiceRequest, state: &AppState) -> Option<ReadyResponse> {
    let headers = request.headers();
    let encoding = AcceptedEncoding::negotiate(request.request());
    // A client that accepts no encoding of ours is answered 406 by the compression middleware.
    if encoding.0 == ContentEncoding::Identity && headers.contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let query = request.query_string();
    if query.is_empty() {
        return ReadyResponse::find(&state.catalogue, request.path(), encoding, headers);
    }
    if size_violation(query).is_some() {
        return None;
    }
    let QueryParameters(parameters) = QueryParameters::parse(query).ok()?;
    let key = key_text(request.path(), &parameters);
    ReadyResponse::find(&state.catalogue, &key, encoding, headers)
}
