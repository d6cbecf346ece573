//! Cross-origin requests: scripts of other origins may read responses only if `CORS_ORIGIN` names
//! their origin. Credentials mode is off: scripts send tokens and keys themselves.
//!
//! The middleware is applied twice. [`response_headers`] is outside the rate limits, so that
//! scripts can read a 429; [`preflights`] is behind them and behind the check of the path, so that
//! a preflight is charged and refused like any other request.

use actix_cors::Cors;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};

const EXPOSED: [&str; 17] = [
    "Accept-Patch",
    "Age",
    "Deprecation",
    "ETag",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Sunset",
    "X-Page",
    "X-Request-ID",
    "X-Total-Count",
    "X-Total-Pages",
];

/// Adds the CORS headers to responses for these origins, `*` for any; answers no preflight.
pub fn response_headers(origins: &[String]) -> Cors {
    for_origins(origins).expose_headers(EXPOSED).disable_preflight()
}

/// Answers preflight requests of these origins, `*` for any. The headers of other responses are
/// left to [`response_headers`].
pub fn preflights(origins: &[String]) -> Cors {
    for_origins(origins)
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH])
        .allowed_header("X-API-Key")
        .allowed_header("Idempotency-Key")
        .allowed_header("X-Request-ID")
        .allowed_header("traceparent")
        .allowed_header("tracestate")
        .max_age(600)
        .disable_vary_header()
}

fn for_origins(origins: &[String]) -> Cors {
    if origins.iter().any(|origin| origin == "*") {
        return Cors::default().allow_any_origin().send_wildcard();
    }
    origins.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
}
