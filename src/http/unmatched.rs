//! Requests that match no route: 405 with `Allow` (and `Accept-Patch`) where the path exists with
//! another method, else 404. While registration is disabled its path does not exist, whatever the
//! method.

use actix_web::{HttpRequest, HttpResponse, web};

use super::app_data::AccessPolicy;
use super::error::ApiError;
use crate::http::request::routes::Routes;

/// Path of the registration.
pub(super) const REGISTER: &str = "/api/auth/register";
/// Client message for a route that does not exist.
pub(super) const NO_ROUTE: &str = "Route not found";

/// Whether the configuration has disabled the route with this path.
pub(super) fn is_disabled(path: &str, policy: AccessPolicy) -> bool {
    path == REGISTER && !policy.registration
}

/// Answers a request that matches no route.
///
/// # Errors
/// Always: [`ApiError::MethodNotAllowed`] or [`ApiError::NotFound`].
pub(super) async fn unmatched(
    request: HttpRequest,
    routes: web::Data<Routes>,
    policy: web::Data<AccessPolicy>,
) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    match routes.allow(path).filter(|_| !is_disabled(path, **policy)) {
        Some(methods) => Err(ApiError::MethodNotAllowed {
            allow: methods.to_owned(),
            accept_patch: routes.accept_patch(path).map(str::to_owned),
        }),
        None => Err(ApiError::NotFound(NO_ROUTE.into())),
    }
}
