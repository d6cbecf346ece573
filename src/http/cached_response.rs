//! A response of the catalogue that can be cached (`cache::responses`): its body, its encoding and
//! the headers that belong to it are prepared once, and shared by all requests that it answers.

use std::time::Duration;

use actix_http::Response;
use actix_http::encoding::Encoder;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AGE, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, HeaderName, HeaderValue, LINK,
    VARY, WARNING,
};
use bytes::Bytes;

use super::error::ApiError;
use super::media_type::JSON;
use super::request::entity_tags::{StoredTag, etag};
use crate::cache::responses::WeighedResponse;
use crate::credentials::digest::fingerprint;
use crate::model::page::Pagination;
use crate::model::scopes::Scope;

/// `X-Cache` marks stale responses.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// Memory of a separate allocation beside its bytes: a counter, and rounding up.
const ALLOCATION: usize = 48;

/// A response without what belongs to a single request. Nothing in it is copied to send it.
#[derive(Debug)]
pub struct CachedResponse {
    body: Bytes,
    encoding: ContentEncoding,
    /// The entity tag of the uncompressed response, without quotes: the version of an item, or the
    /// fingerprint of a list.
    identity: Box<str>,
    /// The entity tag of this one.
    etag: HeaderValue,
    /// The headers that are sent with the body.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The scopes of those who may have it, if it can be sent without its handler.
    readers: Option<&'static [Scope]>,
    /// The headers that are sent without it, too (304).
    notices: Vec<(HeaderName, HeaderValue)>,
}

impl CachedResponse {
    /// Creates the response with one item in this version, whose JSON text is `body`.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if the version cannot be sent in a header.
    pub fn of_item(body: String, version: &str) -> Result<Self, ApiError> {
        Self::new(body, version, Vec::new())
    }

    /// Creates the response with a part of a list, whose JSON text is `body`, and the links to
    /// other parts.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if a link cannot be sent in a header.
    pub fn of_list(body: String, links: Option<String>) -> Result<Self, ApiError> {
        let tag = fingerprint(&body);
        Self::new(body, &tag, links.map(|links| (LINK, links)).into_iter().collect())
    }

    /// Creates the response with a numbered page of a list.
    ///
    /// # Errors
    /// As [`Self::of_list`].
    pub fn of_page(body: String, links: String, page: Pagination) -> Result<Self, ApiError> {
        let headers = vec![
            (LINK, links),
            (HeaderName::from_static("x-total-count"), page.total.to_string()),
            (HeaderName::from_static("x-page"), page.page.to_string()),
            (HeaderName::from_static("x-per-page"), page.limit.to_string()),
            (HeaderName::from_static("x-total-pages"), page.pages.to_string()),
        ];
        let tag = fingerprint(&body);
        Self::new(body, &tag, headers)
    }

    fn new(body: String, tag: &str, headers: Vec<(HeaderName, String)>) -> Result<Self, ApiError> {
        let mut prepared = Vec::with_capacity(headers.len() + 1);
        prepared.push((CONTENT_TYPE, HeaderValue::from_static(JSON)));
        for (name, value) in headers {
            prepared.push((name, header_value(value)?));
        }
        // A boxed text has no spare capacity, which would be kept.
        let body = Bytes::from(body.into_boxed_str().into_boxed_bytes());
        let (encoding, etag) = (ContentEncoding::Identity, header_value(etag(tag))?);
        let notices = Vec::new();
        Ok(Self {
            body,
            encoding,
            identity: tag.into(),
            etag,
            headers: prepared,
            readers: None,
            notices,
        })
    }

    /// Adds headers that concern the item, whether its body is sent or not.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if a value cannot be sent in a header.
    pub fn with_notices(mut self, notices: Vec<(HeaderName, String)>) -> Result<Self, ApiError> {
        for (name, value) in notices {
            self.notices.push((name, header_value(value)?));
        }
        Ok(self)
    }

    /// Compresses the body with the middleware's own encoder, which runs large ones on a thread of
    /// their own. None if that fails; then the middleware itself compresses.
    pub async fn encode(&self, encoding: ContentEncoding) -> Option<Self> {
        let plain = Response::with_body(StatusCode::OK, self.body.clone());
        let encoded = plain.map_body(|head, body| Encoder::response(encoding, head, body));
        let body = to_bytes(encoded.into_body()).await.ok()?;
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.extend(self.headers.iter().cloned());
        headers.push((CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())));
        // Copied, because the buffer of the encoder is larger.
        let body = Bytes::copy_from_slice(&body);
        let (identity, readers) = (self.identity.clone(), self.readers);
        let notices = self.notices.clone();
        // Another representation has another entity tag (RFC 9110, 8.8.3.3).
        let etag = header_value(etag(&format!("{identity};{}", encoding.as_str()))).ok()?;
        Some(Self { body, encoding, identity, etag, headers, readers, notices })
    }

    /// Says who may have it, if it can be sent without its handler.
    #[must_use]
    pub fn for_readers(self, readers: Option<&'static [Scope]>) -> Self {
        Self { readers, ..self }
    }

    /// Returns the scopes of those who may have it; none if only its handler may send it.
    pub fn readers(&self) -> Option<&'static [Scope]> {
        self.readers
    }

    /// Returns how the body is encoded.
    pub fn encoding(&self) -> ContentEncoding {
        self.encoding
    }

    /// Returns the entity tag of the uncompressed response, without quotes.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Answers a request; with the age of the response if it may be outdated.
    pub fn respond(&self, stale_for: Option<Duration>) -> HttpResponse {
        let mut response = self.start(StatusCode::OK, stale_for);
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.set_body(BoxBody::new(self.body.clone()))
    }

    /// Answers a request of a client that has the response, compressed or not, under this tag.
    pub fn not_modified(&self, stored: StoredTag<'_>, stale_for: Option<Duration>) -> HttpResponse {
        let mut response = self.start(StatusCode::NOT_MODIFIED, stale_for);
        if let StoredTag::Named(tag) = stored
            && let Ok(etag) = HeaderValue::try_from(etag(tag))
        {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }

    /// Starts a response with the headers of 200 and 304 (RFC 9110, 15.4.5).
    fn start(&self, status: StatusCode, stale_for: Option<Duration>) -> HttpResponse {
        let mut response = HttpResponse::new(status);
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        for (name, value) in &self.notices {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(age) = stale_for {
            headers.insert(AGE, age.as_secs().into());
            headers.insert(X_CACHE, HeaderValue::from_static("STALE"));
            headers.insert(WARNING, HeaderValue::from_static("110 - \"Response is Stale\""));
        }
        response
    }
}

impl WeighedResponse for CachedResponse {
    fn bytes(&self) -> usize {
        // The allocator rounds large sizes up by an eighth on average.
        let body = ALLOCATION + self.body.len() + self.body.len() / 8;
        let header = size_of::<(HeaderName, HeaderValue)>() + ALLOCATION;
        let headers = self.headers.iter().chain(&self.notices);
        let headers: usize = headers.map(|(_, value)| header + value.len()).sum();
        let tags = 2 * ALLOCATION + self.identity.len() + self.etag.len();
        size_of::<Self>() + body + headers + tags
    }
}

fn header_value(text: String) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(text).map_err(|error| ApiError::Internal { cause: error.to_string() })
}
