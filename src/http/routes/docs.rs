//! The OpenAPI document, and Swagger UI to read it. All files are part of the binary. Browsers may
//! keep the large ones for an hour, and revalidate all of them by their entity tags.

mod files;

use actix_web::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::OpenApi;

use self::files::{DOCUMENT, PageFile, page_file};
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::media_type::JSON;
use crate::http::unmatched::NO_ROUTE;

/// The document as it is served.
#[derive(Debug)]
struct ServedDocument(PageFile);

/// Registers `/api-docs/` and its files.
pub fn configure(config: &mut web::ServiceConfig, document: &OpenApi) {
    let text = document.to_json().unwrap_or_default();
    let served = ServedDocument(PageFile::new(text.into_bytes().into(), JSON.to_owned(), false));
    let redirect = |_: Anyone| async {
        HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api-docs/")).finish()
    };
    config
        .app_data(web::Data::new(served))
        .route("/api-docs", web::get().to(redirect))
        .route(DOCUMENT, web::get().to(send_document))
        .route("/api-docs/{file:.*}", web::get().to(send_file));
}

async fn send_document(
    _: Anyone,
    if_none_match: IfNoneMatch,
    document: web::Data<ServedDocument>,
) -> HttpResponse {
    send(&document.0, &if_none_match)
}

async fn send_file(
    _: Anyone,
    request: HttpRequest,
    if_none_match: IfNoneMatch,
) -> Result<HttpResponse, ApiError> {
    let file = page_file(request.match_info().query("file"));
    let file = file.ok_or_else(|| ApiError::NotFound(NO_ROUTE.into()))?;
    Ok(send(file, &if_none_match))
}

fn send(file: &PageFile, if_none_match: &IfNoneMatch) -> HttpResponse {
    let is_match = if_none_match.find(&file.digest).is_some();
    let mut response = if is_match { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // Weak, because a response may be compressed.
    response
        .insert_header((ETAG, format!("W/\"{}\"", file.digest)))
        .insert_header((CACHE_CONTROL, file.cache_control()));
    if is_match {
        return response.finish();
    }
    response.content_type(file.content_type.as_str()).body(file.bytes.clone())
}
