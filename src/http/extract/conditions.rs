//! The headers of conditional requests (RFC 9110, 13), and idempotency keys.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest, web};

use crate::http::app_data::AccessPolicy;
use crate::http::error::ApiError;
use crate::http::request::entity_tags::{EntityTag, EntityTags, StoredTag};
use crate::storage::precondition::{ExcludedVersion, ExpectedVersion, Precondition};

/// The versions that a change is meant for (`If-Match`), and those that it is not meant for
/// (`If-None-Match`).
#[derive(Clone, Debug)]
pub struct IfMatch(pub Precondition);

/// The representations that a client has stored (`If-None-Match`).
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Option<EntityTags>);

/// The key of a request that must be done at most once (`Idempotency-Key`).
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl IfNoneMatch {
    /// Reads the header of a request.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if it is not a list of entity tags.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        tags(headers, &IF_NONE_MATCH).map(Self)
    }

    /// Returns the tag by which the client has stored a response, however compressed. `identity`
    /// is the tag of the uncompressed one. Weak comparison ignores the mark (RFC 9110, 8.8.3.2).
    pub fn find(&self, identity: &str) -> Option<StoredTag<'_>> {
        match self.0.as_ref()? {
            EntityTags::Any => Some(StoredTag::Any),
            EntityTags::Listed(tags) => {
                let stored = tags.iter().find(|tag| tag.identity() == identity);
                stored.map(|tag| StoredTag::Named(&tag.opaque))
            }
        }
    }
}

/// Reads the entity tags of a header.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<EntityTags>, ApiError> {
    let tags = EntityTags::from_headers(headers, name);
    tags.map_err(|malformed| ApiError::invalid(name.as_str(), &malformed.to_string()))
}

fn if_match(request: &HttpRequest) -> Result<IfMatch, ApiError> {
    let required =
        request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.require_if_match);
    let expected = match tags(request.headers(), &IF_MATCH)? {
        None if required => ExpectedVersion::Missing,
        None => ExpectedVersion::Unspecified,
        Some(EntityTags::Any) => ExpectedVersion::Any,
        // Strong comparison: a weak tag matches nothing (RFC 9110, 8.8.3.2).
        Some(EntityTags::Listed(tags)) => {
            ExpectedVersion::OneOf(versions(tags.iter().filter(|tag| !tag.is_weak)))
        }
    };
    let excluded = match tags(request.headers(), &IF_NONE_MATCH)? {
        None => ExcludedVersion::None,
        Some(EntityTags::Any) => ExcludedVersion::Any,
        Some(EntityTags::Listed(tags)) => ExcludedVersion::OneOf(versions(tags.iter())),
    };
    Ok(IfMatch(Precondition { expected, excluded }))
}

fn versions<'a>(tags: impl Iterator<Item = &'a EntityTag>) -> Vec<String> {
    tags.map(|tag| tag.version().to_owned()).collect()
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
