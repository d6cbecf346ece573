//! Bodies: JSON of at most 1 MiB, read into the model with all that is wrong with it, or into an object to be laid over
//! what is stored.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::error::ApiError;
use crate::model::json::Strict;
use crate::model::violations::{Violation, parse};

/// The largest body, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// A body as a value of the model, with its bytes as they came.
#[derive(Debug)]
pub struct JsonBody<T> {
    /// The value.
    pub value: T,
    /// What was sent, byte for byte.
    pub bytes: web::Bytes,
}

/// A body that may be left out; then it is the default.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

/// A body as the top-level fields to be laid over what is stored.
#[derive(Debug)]
pub struct PatchBody(pub Map<String, Value>);

/// A body and its media type, without parameters, in lower case.
#[derive(Debug)]
pub struct RawBody {
    /// E.g. `application/json`.
    pub media_type: String,
    /// What was sent.
    pub bytes: web::Bytes,
}

impl<T: DeserializeOwned + Validate<Context = ()> + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RawBody::from_request(request, payload);
        Box::pin(async move {
            let bytes = json_only(body.await?)?;
            Ok(Self { value: parse(object(&bytes)?.into()).map_err(ApiError::Validation)?, bytes })
        })
    }
}

impl<T: DeserializeOwned + Validate<Context = ()> + Default + 'static> FromRequest for OptionalJsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RawBody::from_request(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if body.bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            Ok(Self(parse(object(&json_only(body)?)?.into()).map_err(ApiError::Validation)?))
        })
    }
}

impl FromRequest for PatchBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RawBody::from_request(request, payload);
        Box::pin(async move { object(&json_only(body.await?)?).map(Self) })
    }
}

impl FromRequest for RawBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = head(request.headers());
        let mut payload = payload.take();
        Box::pin(async move {
            let media_type = head?;
            let mut bytes = web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| ApiError::invalid("", "ended before it was complete"))?;
                if bytes.len().saturating_add(chunk.len()) > MAX_BYTES {
                    return Err(ApiError::PayloadTooLarge);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Self { media_type, bytes: bytes.freeze() })
        })
    }
}

fn head(headers: &HeaderMap) -> Result<String, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text(CONTENT_LENGTH).parse().is_ok_and(|length: u64| length > MAX_BYTES as u64) {
        return Err(ApiError::PayloadTooLarge);
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

/// A body is an object: serde would also take a list of the fields' values.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match read(bytes)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::invalid("", "must be an object")),
    }
}

/// The reader has a limit of its own to nesting (128); nothing of what is sent is echoed.
fn read(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).map(|Strict(value)| value).map_err(|error| {
        let message = format!("is not valid JSON at line {}, column {}", error.line(), error.column());
        ApiError::Validation(vec![Violation::new("", message)])
    })
}
