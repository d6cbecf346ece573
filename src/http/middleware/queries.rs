//! The size of a query string, judged before anything reads it and on every path, whether a route
//! takes it or not: what it costs to decode, sort and compare parameters grows with their number.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::http::error::ApiError;

/// The longest query string, in bytes, as it was sent.
pub const MAX_BYTES: usize = 8 * 1024;
/// The most parameters.
pub const MAX_PARAMETERS: usize = 32;

/// Refuses a query that is too long or has too many parameters.
///
/// # Errors
/// 400 for such a query; those of `next`.
pub async fn bound<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(message) = flaw(request.query_string()) {
        return Err(ApiError::invalid("", message).into());
    }
    next.call(request).await
}

fn flaw(query: &str) -> Option<&'static str> {
    if query.len() > MAX_BYTES {
        Some("the query must be at most 8 KiB long")
    } else if query.split('&').filter(|parameter| !parameter.is_empty()).count() > MAX_PARAMETERS {
        Some("the query must have at most 32 parameters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds() {
        let many = |count: usize| vec!["a=1"; count].join("&");
        assert_eq!(flaw(""), None);
        assert_eq!(flaw(&many(MAX_PARAMETERS)), None);
        assert!(flaw(&many(MAX_PARAMETERS + 1)).is_some());
        assert!(flaw(&"&a".repeat(MAX_PARAMETERS + 1)).is_some());
        assert_eq!(flaw(&"x".repeat(MAX_BYTES)), None);
        assert!(flaw(&"x".repeat(MAX_BYTES + 1)).is_some());
    }
}
