//! Request bodies: JSON, parsed and validated into a value of the model or into a patch, and
//! imports. Each type of body has its own size limit. The deadline is the same for all
//! (`http::middleware::bodies`).

use std::io::ErrorKind;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::bulkhead::BulkheadPlace;
use crate::credentials::digest::{Fingerprint, fingerprint};
use crate::http::app_data::CatalogueServices;
use crate::http::error::{ApiError, MERGE_PATCH};
use crate::model::json;
use crate::model::parse::parse_body;
use crate::model::patch::{Patch, Patchable};
use crate::model::violations::Violation;
use crate::model::warnings::Warnings;

/// Size limit in bytes of bodies of users, sessions, API keys and circuit breakers.
pub const SMALL: usize = 64 * 1024;
/// Size limit in bytes of the body of one metric or business domain.
pub const ITEM: usize = 256 * 1024;

/// A body of at most `MAX` bytes, parsed and validated.
#[derive(Debug)]
pub struct JsonBody<T, const MAX: usize = SMALL> {
    pub value: T,
    /// What was removed from its rich texts.
    pub warnings: Warnings,
    /// The body as it was sent.
    pub bytes: web::Bytes,
}

/// A body of at most [`SMALL`] bytes that may be empty; then it has the default value.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

/// A body of at most [`ITEM`] bytes, as the top-level fields that replace those of a stored item.
#[derive(Debug)]
pub struct PatchBody<T> {
    pub patch: Patch<T>,
    /// Fingerprint of the body as it was sent.
    pub digest: String,
}

/// A JSON merge patch (RFC 7396) of at most [`ITEM`] bytes, for an item of the catalogue.
#[derive(Debug)]
pub struct MergePatchBody<T>(pub PatchBody<T>);

/// A body of at most `IMPORT_MAX_BYTES`. Its place among the imports is taken before it is read, so
/// that the memory of slow imports is bounded.
#[derive(Debug)]
pub struct ImportBody {
    /// Without parameters, in lower case.
    pub media_type: String,
    pub bytes: web::Bytes,
    /// Fingerprint of the body, made while it arrives; none without an `Idempotency-Key`.
    pub digest: Option<String>,
    pub place: BulkheadPlace,
}

/// A body of any media type.
pub(super) struct RawBody {
    /// Without parameters, in lower case.
    pub(super) media_type: String,
    pub(super) bytes: web::Bytes,
    digest: Option<String>,
}

impl<T, const MAX: usize> FromRequest for JsonBody<T, MAX>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, MAX);
        Box::pin(async move {
            let bytes = json_only(body.await?)?;
            let parsed = parse_body(object(&bytes)?);
            let (value, warnings) = parsed.map_err(ApiError::Validation)?;
            Ok(Self { value, warnings, bytes })
        })
    }
}

impl<T> FromRequest for OptionalJsonBody<T>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + Default + 'static,
{
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, SMALL);
        Box::pin(async move {
            let body = body.await?;
            if body.bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            let parsed = parse_body(object(&json_only(body)?)?);
            Ok(Self(parsed.map_err(ApiError::Validation)?.0))
        })
    }
}

impl<T: Patchable + 'static> FromRequest for PatchBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, ITEM);
        Box::pin(async move { Self::parse(&json_only(body.await?)?, Patch::new) })
    }
}

impl<T: Patchable + 'static> FromRequest for MergePatchBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, ITEM);
        Box::pin(async move {
            let RawBody { media_type, bytes, .. } = body.await?;
            if media_type != MERGE_PATCH {
                return Err(ApiError::UnsupportedPatch);
            }
            PatchBody::parse(&bytes, Patch::from_merge_patch).map(Self)
        })
    }
}

impl<T> PatchBody<T> {
    fn parse(
        bytes: &[u8],
        build: impl FnOnce(Map<String, Value>) -> Result<Patch<T>, Vec<Violation>>,
    ) -> Result<Self, ApiError> {
        let patch = build(object(bytes)?).map_err(ApiError::Validation)?;
        Ok(Self { patch, digest: fingerprint(&String::from_utf8_lossy(bytes)) })
    }
}

impl FromRequest for ImportBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let services = request.app_data::<web::Data<CatalogueServices>>().cloned();
        let max = services.as_ref().map_or(SMALL, |services| services.import_max_bytes);
        let refused = head(request.headers(), max).err();
        let is_identified = request.headers().contains_key("idempotency-key");
        let hash = is_identified.then(Fingerprint::default);
        let body = raw_hashed(request, payload, max, hash);
        Box::pin(async move {
            // A body that cannot be accepted takes no place.
            if let Some(error) = refused {
                return Err(error);
            }
            let missing = || ApiError::Internal { cause: "the catalogue is not registered".into() };
            let place = services.ok_or_else(missing)?.imports.reserve()?;
            let RawBody { media_type, bytes, digest } = body.await?;
            Ok(Self { media_type, bytes, digest, place })
        })
    }
}

/// Reads at most `max` bytes. Memory is allocated as they arrive, not by `Content-Length`.
pub(super) fn raw(
    request: &HttpRequest,
    payload: &mut Payload,
    max: usize,
) -> LocalBoxFuture<'static, Result<RawBody, ApiError>> {
    raw_hashed(request, payload, max, None)
}

/// As [`raw`]; also adds what arrives to a fingerprint.
fn raw_hashed(
    request: &HttpRequest,
    payload: &mut Payload,
    max: usize,
    mut hash: Option<Fingerprint>,
) -> LocalBoxFuture<'static, Result<RawBody, ApiError>> {
    let head = head(request.headers(), max);
    let mut payload = payload.take();
    Box::pin(async move {
        let media_type = head?;
        let mut bytes = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| interrupted(&error))?;
            if bytes.len().saturating_add(chunk.len()) > max {
                return Err(ApiError::too_large(max));
            }
            if let Some(hash) = &mut hash {
                hash.add(&chunk);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(RawBody { media_type, bytes: bytes.freeze(), digest: hash.map(Fingerprint::finish) })
    })
}

fn interrupted(error: &PayloadError) -> ApiError {
    match error {
        PayloadError::Io(error) if error.kind() == ErrorKind::TimedOut => ApiError::RequestTimeout,
        _ => ApiError::invalid("", "ended before it was complete"),
    }
}

/// Checks the head of a request, and returns the media type of its body.
pub(super) fn head(headers: &HeaderMap, max: usize) -> Result<String, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text(CONTENT_LENGTH).parse().is_ok_and(|length: u64| length > max as u64) {
        return Err(ApiError::too_large(max));
    }
    if !matches!(text(CONTENT_ENCODING), "" | "identity") {
        return Err(ApiError::UnsupportedMediaType("The body must not be compressed"));
    }
    Ok(text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn json_only(body: RawBody) -> Result<web::Bytes, ApiError> {
    if body.media_type == "application/json" {
        Ok(body.bytes)
    } else {
        Err(ApiError::UnsupportedMediaType("The body must be application/json"))
    }
}

/// Parses a JSON object; serde would also accept a list of the fields' values.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let parsed = json::parse(bytes);
    match parsed.map_err(|error| ApiError::invalid("", &json::error_message(&error)))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::invalid("", "must be an object")),
    }
}
