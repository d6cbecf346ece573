//! The headers of conditional requests (RFC 9110, 13), and idempotency keys.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest, web};

use crate::http::app_data::AccessPolicy;
use crate::http::error::ApiError;
use crate::storage::precondition::Precondition;

/// The versions that a change is meant for (`If-Match`).
#[derive(Clone, Debug)]
pub struct IfMatch(pub Precondition);

/// The versions that a client has stored (`If-None-Match`).
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Vec<String>);

/// The key of a request that must be done at most once (`Idempotency-Key`).
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl IfNoneMatch {
    /// Reads the versions from the headers of a request.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if they are not a list of entity tags.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        // Weak comparison ignores the mark (RFC 9110, 8.8.3.2).
        let versions = tags(headers, &IF_NONE_MATCH)?.unwrap_or_default();
        let opaque = |tag: &String| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        Ok(Self(versions.iter().map(opaque).collect()))
    }

    /// Whether the client has stored this version.
    pub fn contains(&self, version: &str) -> bool {
        self.0.iter().any(|stored| stored == "*" || stored == version)
    }
}

/// Parses a list of entity tags. Weak tags keep their mark, which a strong comparison never
/// matches.
fn tags(
    headers: &HeaderMap,
    name: &actix_web::http::header::HeaderName,
) -> Result<Option<Vec<String>>, ApiError> {
    let mut versions = Vec::new();
    let mut is_present = false;
    for value in headers.get_all(name) {
        is_present = true;
        let text = value.to_str().map_err(|_| malformed(name))?;
        for tag in text.split(',').map(str::trim) {
            let (weak, opaque) = tag.strip_prefix("W/").map_or(("", tag), |opaque| ("W/", opaque));
            let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            match inner {
                Some(inner) if !inner.contains('"') => versions.push(format!("{weak}{inner}")),
                _ if tag == "*" => versions.push(tag.to_owned()),
                _ => return Err(malformed(name)),
            }
        }
    }
    Ok(is_present.then_some(versions))
}

fn malformed(name: &actix_web::http::header::HeaderName) -> ApiError {
    ApiError::invalid(name.as_str(), "must be a list of quoted entity tags, or *")
}

fn if_match(request: &HttpRequest) -> Result<IfMatch, ApiError> {
    let required =
        request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.require_if_match);
    Ok(IfMatch(match tags(request.headers(), &IF_MATCH)? {
        None if required => Precondition::Missing,
        None => Precondition::None,
        Some(versions) if versions.iter().any(|version| version == "*") => Precondition::Exists,
        Some(versions) => {
            Precondition::OneOf(versions.iter().map(|tag| without_selection(tag)).collect())
        }
    }))
}

/// Returns the version of an entity tag. What follows a `+` says which fields the response had, of
/// the item in the same version.
fn without_selection(tag: &str) -> String {
    tag.split_once('+').map_or(tag, |(version, _)| version).to_owned()
}

fn idempotency_key(request: &HttpRequest) -> Result<IdempotencyKey, ApiError> {
    let mut values = request.headers().get_all("idempotency-key");
    let (first, second) = (values.next(), values.next());
    let printable = |text: &&str| {
        (1..=255).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    match (first, second) {
        (None, _) => Ok(IdempotencyKey(None)),
        (Some(value), None) => match value.to_str().ok().filter(printable) {
            Some(key) => Ok(IdempotencyKey(Some(key.to_owned()))),
            None => Err(ApiError::invalid(
                "Idempotency-Key",
                "must be 1 to 255 printable ASCII characters",
            )),
        },
        _ => Err(ApiError::invalid("Idempotency-Key", "must not be given twice")),
    }
}

macro_rules! extracted {
    ($name:ty, $read:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready($read(request))
            }
        }
    };
}

extracted!(IfMatch, if_match);
extracted!(IfNoneMatch, |request: &HttpRequest| IfNoneMatch::from_headers(request.headers()));
extracted!(IdempotencyKey, idempotency_key);
