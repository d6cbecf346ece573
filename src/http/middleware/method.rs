//! Maps unknown methods to `OTHER`, to bound the metric label: a method may be any token (RFC 9110,
//! 9.1).

use actix_web::dev::{Service, ServiceRequest};
use actix_web::http::Method;

const KNOWN: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Replaces a method that no route uses by `OTHER`, which no route accepts either.
pub fn normalize_method<S: Service<ServiceRequest>>(
    mut request: ServiceRequest,
    next: &S,
) -> S::Future {
    if !KNOWN.contains(request.method())
        && let Ok(other) = Method::from_bytes(b"OTHER")
    {
        request.head_mut().method = other;
    }
    next.call(request)
}
