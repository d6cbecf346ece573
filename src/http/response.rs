//! Builds responses: JSON bodies, entity tags, and the headers of lists. The shapes of the bodies
//! are in `http::envelope` and beside the routes.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::envelope::{ChangedBody, DataBody, PageBody};
use super::error::ApiError;
use crate::cache::responses::CachedResponse;
use crate::model::page::Pagination;
use crate::model::warnings::Warnings;

/// The media type of every response body.
pub const JSON: &str = "application/json; charset=utf-8";

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

/// Serialises a body to JSON text.
///
/// # Errors
/// [`ApiError::Internal`] if the body cannot be serialised.
pub fn to_json<T: Serialize>(body: &T) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|error| ApiError::Internal { cause: error.to_string() })
}

/// Formats a version as an entity tag.
pub fn etag(version: &str) -> String {
    format!("\"{version}\"")
}

/// Builds a cacheable response with one item of the catalogue.
///
/// # Errors
/// [`ApiError::Internal`] if the item cannot be serialised.
pub fn cached_item<T: Serialize>(item: &T, version: &str) -> Result<CachedResponse, ApiError> {
    Ok(CachedResponse {
        body: to_json(&DataBody::new(item))?.into(),
        version: Some(version.to_owned()),
        headers: Vec::new(),
    })
}

/// Builds the response to a change of one item of the catalogue.
///
/// # Errors
/// [`ApiError::Internal`] if the item cannot be serialised.
pub fn changed_item<T: Serialize>(
    item: &T,
    version: &str,
    warnings: Warnings,
) -> Result<HttpResponse, ApiError> {
    let body = ChangedBody::new(item, warnings);
    json(HttpResponse::Ok().insert_header((ETAG, etag(version))), &body)
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
        .map(|(relation, page)| {
            format!("<{path}?{}>; rel=\"{relation}\"", with_page(parameters, page))
        })
        .collect();
    let headers = vec![
        ("Link", links.join(", ")),
        ("X-Total-Count", pagination.total.to_string()),
        ("X-Page", pagination.page.to_string()),
        ("X-Per-Page", pagination.limit.to_string()),
        ("X-Total-Pages", pagination.pages.to_string()),
    ];
    Ok(CachedResponse { body: to_json(body)?.into(), version: None, headers })
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

/// Sends a list that was not cached.
pub fn from_cached(cached: &CachedResponse) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in &cached.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.content_type(JSON).body(cached.body.clone())
}

/// Encodes the parameters with another page number.
fn with_page(parameters: &[(String, String)], page: i64) -> String {
    let others = parameters.iter().filter(|(name, _)| name != "page");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("page", &page.to_string())
        .finish()
}
