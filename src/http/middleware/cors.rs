//! Other sites' scripts: none may read answers, unless `CORS_ORIGIN` names their origin. Never with
//! the browser's credentials, of which this service has none: tokens and keys are sent by the
//! script itself.

use actix_cors::Cors;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};

const EXPOSED: [&str; 14] = [
    "Age",
    "ETag",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Page",
    "X-Request-ID",
    "X-Total-Count",
    "X-Total-Pages",
];

/// For these origins; `*` for any.
pub fn cors(origins: &[String]) -> Cors {
    let open = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH])
        .allowed_header("X-API-Key")
        .allowed_header("Idempotency-Key")
        .allowed_header("X-Request-ID")
        .expose_headers(EXPOSED)
        .max_age(600);
    if origins.iter().any(|origin| origin == "*") {
        return open.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(open, |cors, origin| cors.allowed_origin(origin))
}
