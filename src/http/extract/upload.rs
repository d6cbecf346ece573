//! A form with a file, as browsers send it (`multipart/form-data`, RFC 7578), for imports on a
//! page. Its place among the imports is taken before it is read, so that the memory of slow
//! uploads is bounded.

use actix_multipart::{Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use futures_util::{StreamExt, stream};

use super::json_body::{head, raw};
use crate::bulkhead::BulkheadPlace;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;

/// Largest accepted document in bytes; smaller where `IMPORT_MAX_BYTES` is.
pub const MAX_DOCUMENT: usize = 2 * 1024 * 1024;
/// Largest number of fields.
const MAX_FIELDS: usize = 8;
/// Size of everything beside the document.
const MAX_OTHER: usize = 16 * 1024;
/// Size of the pieces in which the parser gets a body; its own buffer has 64 KiB.
const PIECE: usize = 16 * 1024;
const MEDIA_TYPE: &str = "multipart/form-data";

/// The fields of a form with a file.
#[derive(Debug)]
pub struct UploadBody {
    pub fields: Vec<UploadField>,
    pub place: BulkheadPlace,
}

/// A field of a form, or a file.
#[derive(Debug)]
pub struct UploadField {
    pub name: String,
    /// Only of a file; empty if none was chosen.
    pub file_name: Option<String>,
    /// Of any encoding.
    pub bytes: Vec<u8>,
}

impl UploadBody {
    /// Returns the first field with this name.
    pub fn find(&self, name: &str) -> Option<&UploadField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the text of a field; empty if there is none, or if it is not UTF-8.
    pub fn text(&self, name: &str) -> &str {
        let bytes = self.find(name).map_or(&[][..], |field| &field.bytes);
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromRequest for UploadBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let services = request.app_data::<web::Data<CatalogueServices>>().cloned();
        // Browsers send each line break of a text as two characters.
        let max = MAX_DOCUMENT * 2 + MAX_OTHER;
        let checked = head(request.headers(), max);
        let mut headers = HeaderMap::new();
        if let Some(kind) = request.headers().get(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, kind.clone());
        }
        let body = raw(request, payload, max);
        Box::pin(async move {
            // A body that cannot be accepted takes no place.
            if checked.map_err(too_large)? != MEDIA_TYPE {
                return Err(ApiError::UnsupportedMediaType("The body must be a form with a file"));
            }
            let missing = || ApiError::Internal { cause: "the catalogue is not registered".into() };
            let place = services.ok_or_else(missing)?.imports.reserve()?;
            let fields = parse(&headers, body.await.map_err(too_large)?.bytes).await?;
            Ok(Self { fields, place })
        })
    }
}

/// Says what to do with a document that is too large.
fn too_large(error: ApiError) -> ApiError {
    match error {
        ApiError::PayloadTooLarge { .. } => document_too_large(MAX_DOCUMENT),
        error => error,
    }
}

/// Makes the error of a document of more than `limit` bytes.
pub fn document_too_large(limit: usize) -> ApiError {
    let size = limit / 1024;
    let message = format!(
        "The document is larger than {size} KiB; import it with `mdl import`, or over the API"
    );
    ApiError::PayloadTooLarge { message }
}

async fn parse(headers: &HeaderMap, body: web::Bytes) -> Result<Vec<UploadField>, ApiError> {
    let pieces: Vec<Result<web::Bytes, PayloadError>> =
        body.chunks(PIECE).map(|piece| Ok(body.slice_ref(piece))).collect();
    let mut parts = Multipart::new(headers, stream::iter(pieces));
    let mut fields = Vec::new();
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(malformed)?;
        if fields.len() >= MAX_FIELDS {
            return Err(ApiError::invalid("", "the form has too many fields"));
        }
        let disposition = part.content_disposition();
        let file_name = disposition.and_then(|one| one.get_filename()).map(str::to_owned);
        let name = part.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(piece) = part.next().await {
            bytes.extend_from_slice(&piece.map_err(malformed)?);
        }
        fields.push(UploadField { name, file_name, bytes });
    }
    Ok(fields)
}

fn malformed(_: MultipartError) -> ApiError {
    ApiError::invalid("", "is not a form with a file (multipart/form-data)")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const KIND: HeaderValue = HeaderValue::from_static("multipart/form-data; boundary=xyz");

    async fn parsed(body: &[u8]) -> Result<Vec<UploadField>, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, KIND);
        parse(&headers, web::Bytes::copy_from_slice(body)).await
    }

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend(b"--xyz\r\nContent-Disposition: form-data; ");
            body.extend(head.as_bytes());
            body.extend(b"\r\n\r\n");
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--xyz--\r\n");
        body
    }

    #[actix_web::test]
    async fn files_and_fields_come_as_they_were_sent() {
        // Longer than the parser's buffer, with much that looks like the end of a part.
        let long = [&b"\r\n--xy\r--\r\n-\xff\x00"[..], &b"\r\n"[..]].concat().repeat(100_000);
        let head = "name=\"document\"; filename=\"a \u{e4}.yaml\"";
        let body = form(&[(head, &long), ("name=\"format\"", b"yaml"), ("name=\"empty\"", b"")]);
        let fields = parsed(&body).await.unwrap();
        assert_eq!(fields.len(), 3);
        assert_eq!(fields[0].file_name.as_deref(), Some("a \u{e4}.yaml"));
        assert!(fields[0].bytes == long);
        assert_eq!((fields[1].name.as_str(), &*fields[1].bytes), ("format", &b"yaml"[..]));
        assert_eq!((fields[2].file_name.as_deref(), fields[2].bytes.len()), (None, 0));
    }

    #[actix_web::test]
    async fn what_is_no_form_is_refused_and_ends() {
        let whole = form(&[("name=\"a\"", b"text")]);
        for end in 0..whole.len() - 4 {
            assert!(parsed(&whole[..end]).await.is_err(), "{end}");
        }
        for body in [&b"--xyz\r\n\r\ntext\r\n--xyz--"[..], b"a=b", b"--abc\r\n", b"--xyz\r\nX"] {
            assert!(parsed(body).await.is_err(), "{body:?}");
        }
        let many = form(&[("name=\"a\"", &b"x"[..]); MAX_FIELDS + 1]);
        assert!(parsed(&many).await.is_err());
    }
}
