//! The check whether self-registration is enabled.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::http::app_data::AccessPolicy;
use crate::http::error::ApiError;
use crate::http::unmatched::NO_ROUTE;

/// Accepts a request if registration is enabled, else answers like an unknown route. As the first
/// parameter of a handler it decides before the body is read, so that no response reveals the
/// disabled route.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationEnabled;

impl FromRequest for RegistrationEnabled {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let enabled =
            request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.registration);
        ready(if enabled { Ok(Self) } else { Err(ApiError::NotFound(NO_ROUTE.into())) })
    }
}
