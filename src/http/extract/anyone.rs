//! The extractor of public routes, so that each handler's parameters say who may call it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::error::ApiError;

/// Accepts every request, with or without credentials.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl FromRequest for Anyone {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}
