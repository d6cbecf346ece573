//! The credential that a request presents, read from its headers and not yet verified. Rate limits
//! use it to choose who is charged, `middleware::authenticate` to find the caller.

use actix_web::HttpMessage;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web_httpauth::headers::authorization::{Bearer, Scheme};

use crate::http::error::ApiError;
use crate::http::request::class::{RequestClass, RequestKind};
use crate::http::request::session_cookie::SessionCookie;

/// Name of the header that carries an API key.
pub const API_KEY: &str = "x-api-key";
/// Message of the 401 for an `Authorization` header of another scheme, or none.
pub const NO_TOKEN: &str = "Authorization must be a Bearer token";
const BEARER: &[u8] = b"bearer ";

/// An unverified credential.
#[derive(Clone, Debug)]
pub enum PresentedCredential {
    /// A bearer token (RFC 6750, 2.1).
    Token(Bearer),
    ApiKey(String),
    /// The value of the session cookie.
    Cookie(String),
}

/// Reads the one credential of a request. That of a page for people is the session cookie, and
/// nothing else; everything else ignores cookies, so that no other site can use them.
///
/// # Errors
/// As [`credential`].
pub fn presented(request: &impl HttpMessage) -> Result<Option<PresentedCredential>, ApiError> {
    if RequestClass::from_request(request).kind == RequestKind::Dashboard {
        let cookie = SessionCookie::of(request.headers()).read(request.headers());
        return Ok(cookie.map(PresentedCredential::Cookie));
    }
    credential(request.headers())
}

/// Reads the one credential of a request; none if it has neither header.
///
/// # Errors
/// [`ApiError::Validation`] for more than one credential, [`ApiError::Authentication`] if
/// `Authorization` is not a bearer token.
pub fn credential(headers: &HeaderMap) -> Result<Option<PresentedCredential>, ApiError> {
    let (mut tokens, mut keys) = (headers.get_all(AUTHORIZATION), headers.get_all(API_KEY));
    match (tokens.next(), tokens.next(), keys.next(), keys.next()) {
        (None, _, None, _) => Ok(None),
        (None, _, Some(key), None) => {
            let key = key.to_str().unwrap_or_default().trim().to_owned();
            Ok(Some(PresentedCredential::ApiKey(key)))
        }
        (Some(token), None, None, _) => Ok(Some(PresentedCredential::Token(bearer(token)?))),
        _ => Err(ApiError::invalid("", "send exactly one of Authorization and X-API-Key")),
    }
}

/// Parses a bearer token. Schemes are case-insensitive (RFC 9110, 11.1) and spaces around the token
/// are ignored; the parser accepts only its own spelling of the scheme and keeps the spaces.
fn bearer(value: &HeaderValue) -> Result<Bearer, ApiError> {
    let refused = || ApiError::Authentication(NO_TOKEN);
    let (scheme, token) = value.as_bytes().split_at_checked(BEARER.len()).ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case(BEARER) {
        return Err(refused());
    }
    let token = token.trim_ascii();
    if token.is_empty() {
        // No token has this value: it is refused as an invalid one.
        return Ok(Bearer::new(""));
    }
    let normalized = HeaderValue::from_bytes(&[b"Bearer ", token].concat());
    normalized.ok().and_then(|value| Bearer::parse(&value).ok()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, &'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = actix_web::http::header::HeaderName::from_static(name);
            map.append(name, HeaderValue::from_static(value));
        }
        match credential(&map) {
            Ok(None) => Ok(None),
            Ok(Some(PresentedCredential::Token(token))) => Ok(Some(format!("T{}", token.token()))),
            Ok(Some(PresentedCredential::ApiKey(key))) => Ok(Some(format!("K{key}"))),
            Ok(Some(PresentedCredential::Cookie(_))) => Err("a cookie"),
            Err(error) => Err(error.code()),
        }
    }

    #[test]
    fn bearer_scheme_is_case_insensitive_and_spaces_are_ignored() {
        for value in ["Bearer a.b", "bearer a.b", "BEARER   a.b "] {
            assert_eq!(read(&[("authorization", value)]), Ok(Some("Ta.b".into())), "{value}");
        }
        assert_eq!(read(&[("authorization", "Bearer ")]), Ok(Some("T".into())));
        for value in ["", "Bearer", "Basic abcdefgh", "a.b", "Bearera.b"] {
            assert_eq!(read(&[("authorization", value)]), Err("AUTHENTICATION_ERROR"), "{value}");
        }
    }

    #[test]
    fn exactly_one_credential_is_accepted() {
        let (token, key) = (("authorization", "Bearer t"), ("x-api-key", " k "));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[key]), Ok(Some("Kk".into())));
        for both in [&[token, token][..], &[key, key], &[token, key]] {
            assert_eq!(read(both), Err("VALIDATION_ERROR"));
        }
    }
}
