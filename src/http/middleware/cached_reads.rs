//! Answers reads of the catalogue at once whose response and caller are cached and fresh. It
//! applies the rules of the middlewares that it passes by, in one step without waiting. Everything
//! else goes on to them, and then nothing was counted or charged yet.

mod answer;

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use futures_util::TryFutureExt;
use futures_util::future::{Either, MapOk};

use self::answer::answer;
use crate::http::rate_limit::burst::BurstConfig;

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
        if let Some(response) = answer(&request, &self.burst) {
            let response = request.into_response(response).map_into_right_body();
            return Either::Left(ready(Ok(response)));
        }
        let mapped: Mapped<B> = ServiceResponse::map_into_left_body;
        Either::Right(self.next.call(request).map_ok(mapped))
    }
}
