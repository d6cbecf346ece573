//! Methods are anybody's text (RFC 9110, 9.1): those that mean nothing here become one, before they
//! are counted or logged.

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

/// Lets what is no method of ours be `OTHER`, which no route takes either.
pub async fn known_or_other<B: MessageBody>(
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
