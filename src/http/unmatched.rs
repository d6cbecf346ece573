//! Requests that match no route: 405 with `Allow` (and `Accept-Patch`) where the path exists with
//! another method, else 404. While registration is disabled its paths do not exist, whatever
//! the method.

use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse, web};

use super::app_data::AccessPolicy;
use super::error::ApiError;
use crate::http::request::routes::{DASHBOARD, Routes};
use crate::http::response::see_other;

/// Path of the registration.
pub(super) const REGISTER: &str = "/api/auth/register";
/// Path of the page of the registration.
pub(super) const REGISTER_PAGE: &str = "/dashboard/register";
/// Client message for a route that does not exist.
pub(super) const NO_ROUTE: &str = "Route not found";

/// Whether the configuration has disabled the route with this path.
pub(super) fn is_disabled(path: &str, policy: AccessPolicy) -> bool {
    matches!(path, REGISTER | REGISTER_PAGE) && !policy.registration
}

/// Whether a browser asks for a page to show to a person.
fn wants_page(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let types = accepted.flat_map(|value| value.split(','));
    let mut types = types.map(|one| one.split(';').next().unwrap_or_default().trim());
    request.method().is_safe() && types.any(|one| one.eq_ignore_ascii_case("text/html"))
}

/// Answers a request that matches no route. A browser that opens the service itself is sent to the
/// pages for people.
///
/// # Errors
/// Always: [`ApiError::MethodNotAllowed`] or [`ApiError::NotFound`].
pub(super) async fn unmatched(
    request: HttpRequest,
    routes: web::Data<Routes>,
    policy: web::Data<AccessPolicy>,
) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    if path == "/" && wants_page(&request) {
        return Ok(see_other(DASHBOARD));
    }
    match routes.allow(path).filter(|_| !is_disabled(path, **policy)) {
        Some(methods) => Err(ApiError::MethodNotAllowed {
            allow: methods.to_owned(),
            accept_patch: routes.accept_patch(path).map(str::to_owned),
        }),
        None => Err(ApiError::NotFound(NO_ROUTE.into())),
    }
}
