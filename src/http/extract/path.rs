//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use garde::Validate;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::model::text::Id;
use crate::model::versions::query::{VERSION_RULE, is_version};

/// The `{id}` of a metric or business domain.
#[derive(Clone, Debug)]
pub struct IdPath(pub Id);

/// The `{id}` of a user.
#[derive(Clone, Copy, Debug)]
pub struct UuidPath(pub Uuid);

/// The `{version}` of a metric or business domain.
#[derive(Clone, Debug)]
pub struct VersionPath(pub String);

impl FromRequest for VersionPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let version = request.match_info().query("version");
        ready(if is_version(version) {
            Ok(Self(version.to_owned()))
        } else {
            Err(ApiError::invalid("version", VERSION_RULE))
        })
    }
}

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
