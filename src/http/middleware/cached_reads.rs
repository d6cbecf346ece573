//! Answers reads of the catalogue at once whose response and caller are cached and fresh. It
//! applies the rules of the middlewares that it passes by, in one step without waiting. Everything
//! else goes on to them, and then nothing was counted or charged yet.
//!
//! A response is in the cache for its path and parameters only if a handler made it: so they are
//! valid. Whether it may be sent without its handler says `CacheKey::for_readers_of`.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_ENCODING, ContentEncoding};
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::TryFutureExt;
use futures_util::future::{Either, MapOk};

use super::authenticate::CachedIdentity;
use super::queries::size_violation;
use crate::http::AppState;
use crate::http::catalogue::cache_key::key_text;
use crate::http::catalogue::cached_read::ReadyResponse;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::query::QueryParameters;
use crate::http::rate_limit::burst::BurstConfig;
use crate::http::rate_limit::paid_read::PaidRead;
use crate::http::request::caller::LoggedCaller;
use crate::http::request::class::{RequestClass, RequestKind};

type Body<B> = EitherBody<B, BoxBody>;
type Mapped<B> = fn(ServiceResponse<B>) -> ServiceResponse<Body<B>>;

/// The middleware, with the burst limit that it shares with `actix_governor`.
#[allow(missing_debug_implementations)]
pub struct CachedReads(pub BurstConfig);

impl<S, B> Transform<S, ServiceRequest> for CachedReads
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Transform = CachedReadsService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, next: S) -> Self::Future {
        ready(Ok(CachedReadsService { next, burst: self.0.clone() }))
    }
}

/// The middleware of one worker.
#[allow(missing_debug_implementations)]
pub struct CachedReadsService<S> {
    next: S,
    burst: BurstConfig,
}

impl<S, B> Service<ServiceRequest> for CachedReadsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Future = Either<Ready<Result<Self::Response, Error>>, MapOk<S::Future, Mapped<B>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.next.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        match answer(&request, &self.burst) {
            Some(response) => {
                let response = request.into_response(response).map_into_right_body();
                Either::Left(ready(Ok(response)))
            }
            None => {
                let mapped: Mapped<B> = ServiceResponse::map_into_left_body;
                Either::Right(self.next.call(request).map_ok(mapped))
            }
        }
    }
}

/// Answers a request if everything that its response depends on is known.
fn answer(request: &ServiceRequest, burst: &BurstConfig) -> Option<HttpResponse> {
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
