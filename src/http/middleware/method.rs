//! Maps unknown methods to `OTHER`, to bound the metric label: a method may be any token (RFC 9110,
//! 9.1).

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;

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
pub async fn normalize_method<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !KNOWN.contains(request.method())
        && let Ok(other) = Method::from_bytes(b"OTHER")
    {
        request.head_mut().method = other;
    }
    next.call(request).await
}
