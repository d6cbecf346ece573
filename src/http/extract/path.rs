//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use garde::Validate;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::model::text::Id;

/// The `{id}` of a metric or business domain.
#[derive(Clone, Debug)]
pub struct IdPath(pub Id);

/// The `{id}` of a user.
#[derive(Clone, Copy, Debug)]
pub struct UuidPath(pub Uuid);

impl FromRequest for IdPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = Id::new(request.match_info().query("id"));
        ready(match id.validate() {
            Ok(()) => Ok(Self(id)),
            Err(_) => Err(ApiError::invalid("id", "must be 1 to 100 letters, digits, '-' or '_'")),
        })
    }
}

impl FromRequest for UuidPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = Uuid::try_parse(request.match_info().query("id"));
        ready(id.map(Self).map_err(|_| ApiError::invalid("id", "must be a UUID")))
    }
}
