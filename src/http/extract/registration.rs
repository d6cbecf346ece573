//! Whether this service takes registrations.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::unmatched::NO_ROUTE;

/// Takes the request if registration is enabled; else the answer is that of an unknown route. As
/// the first parameter of a handler it decides before the body is judged, so that no answer tells
/// that there is something to enable.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationEnabled;

impl FromRequest for RegistrationEnabled {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let enabled = request
            .app_data::<web::Data<AppState>>()
            .is_some_and(|state| state.policy.registration);
        ready(if enabled { Ok(Self) } else { Err(ApiError::NotFound(NO_ROUTE)) })
    }
}
