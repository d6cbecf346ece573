//! The parameters of a query string, decoded. Which parameters a route accepts is decided by the
//! model; how long a query may be, by `middleware::queries`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::error::ApiError;

/// Names and values in the order of the query string.
#[derive(Clone, Debug)]
pub struct QueryParameters(pub Vec<(String, String)>);

impl QueryParameters {
    /// Decodes a query string.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if it is not percent-encoded UTF-8.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        if is_well_encoded(query.as_bytes()) {
            let parameters = url::form_urlencoded::parse(query.as_bytes());
            Ok(Self(parameters.into_owned().collect()))
        } else {
            Err(ApiError::invalid("", "must be percent-encoded UTF-8"))
        }
    }
}

impl FromRequest for QueryParameters {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

/// Whether every `%` is followed by two hexadecimal digits and the decoded text is UTF-8.
fn is_well_encoded(query: &[u8]) -> bool {
    let digits = |at: usize| {
        query.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    let sound = query.iter().enumerate().all(|(at, byte)| *byte != b'%' || digits(at + 1));
    // The decoder is lossy: it puts the replacement character in place of invalid bytes.
    sound && (query.is_ascii() || std::str::from_utf8(query).is_ok()) && !lossy(query)
}

fn lossy(query: &[u8]) -> bool {
    url::form_urlencoded::parse(query)
        .any(|(name, value)| [name, value].iter().any(|part| part.contains('\u{fffd}')))
}
