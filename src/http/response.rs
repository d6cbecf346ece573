//! Builds responses: JSON bodies, entity tags, and the headers of lists. The shapes of the bodies
//! are in `http::envelope` and beside the routes.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, ContentEncoding, ETAG, HeaderName, LOCATION,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::cached_response::CachedResponse;
use super::envelope::{ChangedBody, DataBody, ListBody, MessageBody, PageBody};
use super::error::ApiError;
use super::media_type::{EVENT_STREAM, JSON};
use super::request::entity_tags::etag;
use crate::model::page::Pagination;
use crate::model::paging::ListPagination;
use crate::model::warnings::Warnings;
use crate::storage::StorageError;
use crate::storage::idempotency_keys::StoredResponse;

/// Tells a proxy to pass each event on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Finishes a response with a JSON body.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn json<T: Serialize>(
    builder: &mut HttpResponseBuilder,
    body: &T,
) -> Result<HttpResponse, ApiError> {
    Ok(builder.content_type(JSON).body(to_json(body)?))
}

/// Finishes a response that carries secrets: JSON, never stored by a cache.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn secret_json<T: Serialize>(
    mut builder: HttpResponseBuilder,
    body: &T,
) -> Result<HttpResponse, ApiError> {
    json(builder.insert_header((CACHE_CONTROL, "no-store")), body)
}

/// Begins a stream of server-sent events.
pub fn event_stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(EVENT_STREAM).insert_header((ACCEL_BUFFERING, "no"));
    // Compression would hold events back until there are enough of them.
    response.insert_header((CONTENT_ENCODING, ContentEncoding::Identity.as_str()));
    response
}

/// Sends a browser to another page of this service (RFC 9110, 15.4.4).
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// Serialises a body to JSON text.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn to_json<T: Serialize>(body: &T) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|error| ApiError::Internal { cause: error.to_string() })
}

/// Builds a cacheable response with one item of the catalogue.
///
/// # Errors
/// [`ApiError::Internal`] if the item cannot be serialised.
pub fn cached_item<T: Serialize>(item: &T, version: &str) -> Result<CachedResponse, ApiError> {
    cached_body(&DataBody::new(item), version)
}

/// Builds a cacheable response with one item of the catalogue, whose body says more about it.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn cached_body<T: Serialize>(body: &T, version: &str) -> Result<CachedResponse, ApiError> {
    CachedResponse::of_item(to_json(body)?, version)
}

/// Builds the response to a change of one item of the catalogue, to be stored with the change.
///
/// # Errors
/// [`StorageError::Corrupt`] if the item cannot be serialised.
pub fn changed_item<T: Serialize>(
    item: &T,
    version: &str,
    warnings: &Warnings,
) -> Result<StoredResponse, StorageError> {
    changed_body(&ChangedBody::new(item, warnings.clone()), version)
}

/// Builds the response to a change of one item of the catalogue, whose body says more about it.
///
/// # Errors
/// [`StorageError::Corrupt`] if the body cannot be serialised.
pub fn changed_body<T: Serialize>(body: &T, version: &str) -> Result<StoredResponse, StorageError> {
    let body = serde_json::to_string(body);
    let body = body.map_err(|_| StorageError::corrupt("a changed item"))?;
    Ok(StoredResponse { etag: etag(version), body })
}

/// Builds the response to a deletion, to be stored with it.
///
/// # Errors
/// Never in practice: a message can be serialised.
pub fn deleted_item(message: &'static str) -> Result<StoredResponse, StorageError> {
    let body = serde_json::to_string(&MessageBody::new(message));
    let body = body.map_err(|_| StorageError::corrupt("a message"))?;
    Ok(StoredResponse { etag: String::new(), body })
}

/// Builds the response to a change that was stored with it.
pub fn stored_change(StoredResponse { etag, body }: StoredResponse) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if !etag.is_empty() {
        response.insert_header((ETAG, etag));
    }
    response.content_type(JSON).body(body)
}

/// Builds the response to the creation of an item at `path`; `body` is its JSON text.
pub fn created_item(path: &str, etag: &str, body: String) -> HttpResponse {
    HttpResponse::build(StatusCode::CREATED)
        .insert_header((LOCATION, path))
        .insert_header((ETAG, etag))
        .content_type(JSON)
        .body(body)
}

/// Builds a cacheable page of a list at `path`, with the links to its other pages.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn cached_list<T: Serialize>(
    path: &str,
    parameters: &[(String, String)],
    pagination: Pagination,
    body: &T,
) -> Result<CachedResponse, ApiError> {
    let links: Vec<String> = pagination
        .links()
        .into_iter()
        .map(|(relation, page)| link(path, parameters, ("page", &page.to_string()), relation))
        .collect();
    CachedResponse::of_page(to_json(body)?, links.join(", "), pagination)
}

/// Builds a cacheable page of a list whose body is a [`PageBody`].
///
/// # Errors
/// [`ApiError::Internal`] if an item cannot be serialised.
pub fn cached_page<T: Serialize>(
    path: &str,
    parameters: &[(String, String)],
    pagination: Pagination,
    items: Vec<T>,
) -> Result<CachedResponse, ApiError> {
    cached_list(path, parameters, pagination, &PageBody::new(items, pagination))
}

/// Builds a cacheable part of a list at `path`: a page, or what follows a cursor with the link to
/// the next part.
///
/// # Errors
/// [`ApiError::Internal`] if an item cannot be serialised.
pub fn cached_part<T: Serialize>(
    path: &str,
    parameters: &[(String, String)],
    pagination: ListPagination,
    items: Vec<T>,
) -> Result<CachedResponse, ApiError> {
    let next = match &pagination {
        ListPagination::Page(page) => {
            let page = *page;
            return cached_list(path, parameters, page, &ListBody::new(items, pagination));
        }
        ListPagination::Cursor(cursor) => cursor.next_cursor.as_deref(),
    };
    let link = next.map(|next| link(path, parameters, ("cursor", next), "next"));
    CachedResponse::of_list(to_json(&ListBody::new(items, pagination))?, link)
}

/// Links to the list with another value of one parameter (RFC 8288).
fn link(
    path: &str,
    parameters: &[(String, String)],
    (name, value): (&str, &str),
    relation: &str,
) -> String {
    let others = parameters.iter().filter(|(other, _)| other != name);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair(name, value)
        .finish();
    format!("<{path}?{query}>; rel=\"{relation}\"")
}
