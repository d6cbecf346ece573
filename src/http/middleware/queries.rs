//! The size limit of query strings, applied before anything reads them and on every path, whether
//! or not a route takes a query: the cost to decode, sort and compare parameters grows with their
//! number.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use crate::http::error::ApiError;

/// Longest accepted query string in bytes, as it was sent.
pub const MAX_BYTES: usize = 8 * 1024;
/// Largest accepted number of parameters.
pub const MAX_PARAMETERS: usize = 32;

/// Answers 400 to a query that is too long or has too many parameters.
pub async fn limit_query<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(message) = flaw(request.query_string()) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    // A response, not an error, so that the rate limits and the access log outside see it.
    let response = HttpResponse::from_error(ApiError::invalid("", message));
    Ok(ServiceResponse::new(request.into_parts().0, response))
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
    fn query_is_limited_in_length_and_parameters() {
        let many = |count: usize| vec!["a=1"; count].join("&");
        assert_eq!(flaw(""), None);
        assert_eq!(flaw(&many(MAX_PARAMETERS)), None);
        assert!(flaw(&many(MAX_PARAMETERS + 1)).is_some());
        assert!(flaw(&"&a".repeat(MAX_PARAMETERS + 1)).is_some());
        assert_eq!(flaw(&"x".repeat(MAX_BYTES)), None);
        assert!(flaw(&"x".repeat(MAX_BYTES + 1)).is_some());
    }
}
