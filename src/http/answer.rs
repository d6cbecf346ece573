//! How answers are written: JSON in UTF-8, versions as entity tags, lists with their neighbours.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::envelope::{Data, Page};
use super::error::ApiError;
use crate::cache::responses::Answer;
use crate::model::page::Pagination;

/// The media type of every answer.
pub const JSON: &str = "application/json; charset=utf-8";

/// A value as a JSON answer.
///
/// # Errors
/// Never in practice: what is answered is always JSON.
pub fn json<T: Serialize>(
    builder: &mut HttpResponseBuilder,
    value: &T,
) -> Result<HttpResponse, ApiError> {
    Ok(builder.content_type(JSON).body(text(value)?))
}

/// A value as JSON text.
///
/// # Errors
/// Never in practice.
pub fn text<T: Serialize>(value: &T) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(|error| ApiError::Internal { cause: error.to_string() })
}

/// A version as an entity tag.
pub fn etag(version: &str) -> String {
    format!("\"{version}\"")
}

/// One thing of the catalogue, with its version, as it may be remembered.
///
/// # Errors
/// Never in practice.
pub fn one<T: Serialize>(value: &T, version: &str) -> Result<Answer, ApiError> {
    Ok(Answer {
        body: text(&Data::of(value))?.into(),
        version: Some(version.to_owned()),
        headers: Vec::new(),
    })
}

/// One thing of the catalogue that was just changed.
///
/// # Errors
/// Never in practice.
pub fn versioned<T: Serialize>(value: &T, version: &str) -> Result<HttpResponse, ApiError> {
    json(HttpResponse::Ok().insert_header((ETAG, etag(version))), &Data::of(value))
}

/// A new thing of the catalogue, and where it is; `body` is its JSON text.
pub fn created(path: &str, etag: &str, body: String) -> HttpResponse {
    HttpResponse::build(StatusCode::CREATED)
        .insert_header((LOCATION, path))
        .insert_header((ETAG, etag))
        .content_type(JSON)
        .body(body)
}

/// A page of a list at `path`, asked for with `parameters`; `body` as the route shapes it.
///
/// # Errors
/// Never in practice.
pub fn listed<T: Serialize>(
    path: &str,
    parameters: &[(String, String)],
    pagination: Pagination,
    body: &T,
) -> Result<Answer, ApiError> {
    let links: Vec<String> = pagination
        .neighbours()
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
    Ok(Answer { body: text(body)?.into(), version: None, headers })
}

/// An answer that is not remembered.
pub fn uncached(answer: &Answer) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in &answer.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.content_type(JSON).body(answer.body.clone())
}

/// A page of the catalogue.
///
/// # Errors
/// Never in practice.
pub fn page<T: Serialize>(
    path: &str,
    parameters: &[(String, String)],
    pagination: Pagination,
    rows: Vec<T>,
) -> Result<Answer, ApiError> {
    listed(path, parameters, pagination, &Page::of(rows, pagination))
}

/// The same question for another page.
fn with_page(parameters: &[(String, String)], page: i64) -> String {
    let others = parameters.iter().filter(|(name, _)| name != "page");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("page", &page.to_string())
        .finish()
}
