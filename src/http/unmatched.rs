//! Requests that no route takes: 405 where the path is known with another method, else 404.

use actix_web::{HttpRequest, HttpResponse, web};

use super::error::ApiError;
use crate::http::request::class::Routes;

/// What a client is told of a route that does not exist.
pub(super) const NO_ROUTE: &str = "There is no such route";

/// The answer of last resort.
///
/// # Errors
/// Always.
pub(super) async fn unmatched(
    request: HttpRequest,
    routes: web::Data<Routes>,
) -> Result<HttpResponse, ApiError> {
    match routes.allow(request.path()) {
        Some(methods) => Err(ApiError::MethodNotAllowed { allow: methods.to_owned() }),
        None => Err(ApiError::NotFound(NO_ROUTE)),
    }
}
