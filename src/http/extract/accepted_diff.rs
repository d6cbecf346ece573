//! The media type in which the difference of two versions is sent.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::accepted_type::prefers;
use crate::http::error::ApiError;

/// The media type of a JSON Patch (RFC 6902).
pub const JSON_PATCH: &str = "application/json-patch+json";

/// How a difference is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffFormat {
    /// A list of fields with their values.
    Fields,
    JsonPatch,
}

impl FromRequest for DiffFormat {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(negotiate(request)))
    }
}

fn negotiate(request: &HttpRequest) -> DiffFormat {
    if prefers(request, JSON_PATCH) { DiffFormat::JsonPatch } else { DiffFormat::Fields }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn json_patch_is_sent_to_those_who_name_it_and_do_not_prefer_json() {
        let format = |accept: &str| {
            negotiate(&TestRequest::default().insert_header((ACCEPT, accept)).to_http_request())
        };
        for accept in [
            "application/json-patch+json",
            "application/json-patch+json, */*",
            "application/json;q=0.5, application/json-patch+json",
        ] {
            assert_eq!(format(accept), DiffFormat::JsonPatch, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json-patch+json;q=0",
            "application/json, application/json-patch+json;q=0.9",
            "no media type",
        ] {
            assert_eq!(format(accept), DiffFormat::Fields, "{accept}");
        }
        assert_eq!(negotiate(&TestRequest::default().to_http_request()), DiffFormat::Fields);
    }
}
