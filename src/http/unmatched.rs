//! Requests that no route takes: 405 where the path is known with another method, else 404.

use actix_web::dev::ResourceDef;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use super::error::ApiError;

/// All paths of the API, and the methods that each takes.
pub(super) struct Paths(Vec<(ResourceDef, String)>);

impl Paths {
    /// Those that the API's description names.
    pub(super) fn of(document: &OpenApi) -> Self {
        let known = document.paths.paths.iter();
        Self(known.map(|(path, item)| (ResourceDef::new(path.as_str()), allow(item))).collect())
    }

    fn allow(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

fn allow(item: &PathItem) -> String {
    let methods = [
        ("GET, HEAD", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    methods.iter().filter(|(_, there)| *there).map(|(method, _)| *method).collect::<Vec<_>>().join(", ")
}

/// The answer of last resort.
///
/// # Errors
/// Always.
pub(super) async fn unmatched(request: HttpRequest, paths: web::Data<Paths>) -> Result<HttpResponse, ApiError> {
    match paths.allow(request.path()) {
        Some(methods) => Err(ApiError::MethodNotAllowed { allow: methods.to_owned() }),
        None => Err(ApiError::NotFound("There is no such route")),
    }
}
