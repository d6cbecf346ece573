//! Bodies: JSON, read into the model with all that is wrong with it, or into an object to be laid
//! over what is stored. Each type of body has its own limit in bytes. How long a body may take is
//! the same for all (`http::middleware::bodies`).

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

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::model::json;
use crate::model::patch::{Patch, Patchable};
use crate::model::violations::parse;

/// The largest body of a route that does not say otherwise, in bytes: users, sessions, API keys,
/// circuit breakers.
pub const SMALL: usize = 64 * 1024;
/// The largest body of one metric or business domain, in bytes.
pub const ITEM: usize = 256 * 1024;

/// A body of at most `MAX` bytes as a value of the model, with its bytes as they came.
#[derive(Debug)]
pub struct JsonBody<T, const MAX: usize = SMALL> {
    pub value: T,
    /// What was sent, byte for byte.
    pub bytes: web::Bytes,
}

/// A body of at most [`SMALL`] bytes that may be left out; then it is the default.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

/// A body of at most [`ITEM`] bytes as the top-level fields to be laid over what is stored.
#[derive(Debug)]
pub struct PatchBody<T>(pub Patch<T>);

/// A body of at most `IMPORT_MAX_BYTES`, and its media type, without parameters, in lower case.
#[derive(Debug)]
pub struct ImportBody {
    pub media_type: String,
    /// What was sent.
    pub bytes: web::Bytes,
}

impl<T: DeserializeOwned + Validate<Context = ()> + 'static, const MAX: usize> FromRequest
    for JsonBody<T, MAX>
{
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, MAX);
        Box::pin(async move {
            let bytes = json_only(body.await?)?;
            Ok(Self { value: parse(object(&bytes)?.into()).map_err(ApiError::Validation)?, bytes })
        })
    }
}

impl<T: DeserializeOwned + Validate<Context = ()> + Default + 'static> FromRequest
    for OptionalJsonBody<T>
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
            Ok(Self(parse(object(&json_only(body)?)?.into()).map_err(ApiError::Validation)?))
        })
    }
}

impl<T: Patchable + 'static> FromRequest for PatchBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = raw(request, payload, ITEM);
        Box::pin(async move {
            let fields = object(&json_only(body.await?)?)?;
            Patch::new(fields).map(Self).map_err(ApiError::Validation)
        })
    }
}

impl FromRequest for ImportBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let max =
            request.app_data::<web::Data<AppState>>().map_or(SMALL, |state| state.import_max_bytes);
        raw(request, payload, max)
    }
}

/// Reads at most `max` bytes. Room is made as they arrive: what `Content-Length` promises costs
/// nothing.
fn raw(
    request: &HttpRequest,
    payload: &mut Payload,
    max: usize,
) -> LocalBoxFuture<'static, Result<ImportBody, ApiError>> {
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
            bytes.extend_from_slice(&chunk);
        }
        Ok(ImportBody { media_type, bytes: bytes.freeze() })
    })
}

fn interrupted(error: &PayloadError) -> ApiError {
    match error {
        PayloadError::Io(error) if error.kind() == ErrorKind::TimedOut => ApiError::RequestTimeout,
        _ => ApiError::invalid("", "ended before it was complete"),
    }
}

fn head(headers: &HeaderMap, max: usize) -> Result<String, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text(CONTENT_LENGTH).parse().is_ok_and(|length: u64| length > max as u64) {
        return Err(ApiError::too_large(max));
    }
    if !matches!(text(CONTENT_ENCODING), "" | "identity") {
        return Err(ApiError::UnsupportedMediaType("The body must not be compressed"));
    }
    Ok(text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn json_only(body: ImportBody) -> Result<web::Bytes, ApiError> {
    if body.media_type == "application/json" {
        Ok(body.bytes)
    } else {
        Err(ApiError::UnsupportedMediaType("The body must be application/json"))
    }
}

/// A body is an object: serde would also take a list of the fields' values.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match read(bytes)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::invalid("", "must be an object")),
    }
}

/// The reader has a limit of its own to nesting (128); nothing of what is sent is echoed.
fn read(bytes: &[u8]) -> Result<Value, ApiError> {
    json::read(bytes).map_err(|error| ApiError::invalid("", &json::flaw(&error)))
}
