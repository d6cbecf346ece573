//! Query strings, decoded and otherwise untouched: what they may say is the model's to judge.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::error::ApiError;

/// Names and values in their order.
#[derive(Clone, Debug)]
pub struct QueryParameters(pub Vec<(String, String)>);

impl FromRequest for QueryParameters {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        ready(if well_encoded(query.as_bytes()) {
            Ok(Self(parameters))
        } else {
            Err(ApiError::invalid("", "must be percent-encoded UTF-8"))
        })
    }
}

/// Every `%` is followed by two hexadecimal digits, and what comes out is UTF-8.
fn well_encoded(query: &[u8]) -> bool {
    let digits = |at: usize| {
        query.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    let sound = query.iter().enumerate().all(|(at, byte)| *byte != b'%' || digits(at + 1));
    // A lossy decoder puts the replacement character where it cannot read.
    sound && (query.is_ascii() || std::str::from_utf8(query).is_ok()) && !lossy(query)
}

fn lossy(query: &[u8]) -> bool {
    url::form_urlencoded::parse(query)
        .any(|(name, value)| [name, value].iter().any(|part| part.contains('\u{fffd}')))
}
