//! The routes of the application: what the OpenAPI document says about each operation. They give a
//! request its class (`http::request::class`), the query parameters that it may have
//! (`http::middleware::queries`), and the methods of a 405 (`http::unmatched`).
//!
//! Exemptions from rate limits are not in the document; they are the constants below.

use std::sync::Arc;

use actix_web::http::Method;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBody;

use crate::http::request::class::{RequestClass, RequestKind, RouteIndex};

/// Health checks are exempt from rate limits: a load balancer must not be locked out, and they cost
/// next to nothing.
const HEALTH: [&str; 3] = ["/health", "/health/live", "/health/ready"];
const EXPOSITION: &str = "/metrics";
const PAGES: &str = "/api-docs";
/// The pages for people are at this path and below it.
pub const DASHBOARD: &str = "/dashboard";
const INDEX: &str = "/api/v1";
/// The one path that also has a trailing slash.
const SLASHED_INDEX: &str = "/api/v1/";
/// Tags of the operations whose responses clients may store and revalidate.
const CATALOGUE: [&str; 2] = ["metrics", "domains"];

/// The routes of the application.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    with_exposition: bool,
}

#[derive(Debug)]
struct Route {
    index: RouteIndex,
    path: Arc<str>,
    /// The segments of the path; none for a parameter.
    segments: Vec<Option<String>>,
    /// The value of `Allow`.
    allow: String,
    /// The value of `Accept-Patch`.
    accept_patch: Option<String>,
    operations: Vec<(Method, OperationTraits)>,
}

/// What the OpenAPI document says about an operation.
#[derive(Debug)]
struct OperationTraits {
    uses_caller: bool,
    kind: RequestKind,
    query_parameters: Vec<String>,
}

/// An operation that is not in the OpenAPI document: a page for people, or a file of it.
#[derive(Clone, Debug)]
pub struct PageOperation {
    pub method: Method,
    pub path: &'static str,
    pub query_parameters: &'static [&'static str],
    pub kind: RequestKind,
    pub uses_caller: bool,
}

impl Routes {
    /// Takes the routes of the OpenAPI document, and `/metrics` if this listener serves it.
    pub fn new(document: &OpenApi, with_exposition: bool) -> Self {
        let numbered = document.paths.paths.iter().enumerate();
        let route = |(index, (path, item)): (_, (&String, _))| Route::new(index, path, item);
        Self { routes: numbered.map(route).collect(), with_exposition }
    }

    /// Adds the pages for people.
    #[must_use]
    pub fn with_pages(mut self, pages: &[PageOperation]) -> Self {
        for page in pages {
            let known = self.routes.iter_mut().find(|route| *route.path == *page.path);
            if let Some(route) = known {
                route.add_page(page);
            } else {
                let mut route = Route::new(self.routes.len(), page.path, &PathItem::default());
                route.add_page(page);
                self.routes.push(route);
            }
        }
        self
    }

    /// Classifies a request by its method and canonical path.
    pub fn classify(&self, method: &Method, path: &str) -> RequestClass {
        let read = is_read(method);
        let kind = match path {
            path if read && self.is_exposition(path) => RequestKind::Exposition,
            path if read && is_below(PAGES, path) => RequestKind::Page,
            path => return self.classify_operation(method, path),
        };
        RequestClass { kind, ..RequestClass::default() }
    }

    fn classify_operation(&self, method: &Method, path: &str) -> RequestClass {
        let mut class = RequestClass::default();
        let mut strictest: Option<(bool, RequestKind)> = None;
        for route in self.matching(path) {
            class.route.get_or_insert(route.index);
            // Where two patterns match, the stricter class of both holds.
            for one in route.operations(method) {
                let (uses_caller, kind) = strictest.unwrap_or((false, one.kind));
                let kind = if kind == one.kind { kind } else { RequestKind::Operation };
                strictest = Some((uses_caller || one.uses_caller, kind));
            }
        }
        if let Some((uses_caller, kind)) = strictest {
            class.uses_caller = uses_caller;
            class.kind = if HEALTH.contains(&path) { RequestKind::Health } else { kind };
        }
        class.is_for_people = is_below(DASHBOARD, path) && class.kind != RequestKind::Asset;
        class
    }

    /// Returns the pattern of a route.
    pub fn pattern(&self, route: RouteIndex) -> Option<&Arc<str>> {
        self.routes.get(route.0).map(|route| &route.path)
    }

    /// Returns the query parameters that a request may have; none if it matches no operation, or if
    /// its query has no meaning here (the pages of the API documentation).
    pub fn query_parameters(&self, method: &Method, path: &str) -> Option<Vec<&str>> {
        if is_read(method) && self.is_exposition(path) {
            return Some(Vec::new());
        }
        let mut found = self.operations(method, path).peekable();
        found.peek()?;
        Some(found.flat_map(|traits| &traits.query_parameters).map(String::as_str).collect())
    }

    /// Returns the methods of the route with this path, as `Allow` lists them; none if no route has
    /// this path.
    pub fn allow(&self, path: &str) -> Option<&str> {
        self.matching(path).next().map(|route| route.allow.as_str())
    }

    /// Returns the media types that PATCH accepts on the route with this path, as `Accept-Patch`
    /// lists them; none without PATCH.
    pub fn accept_patch(&self, path: &str) -> Option<&str> {
        self.matching(path).next().and_then(|route| route.accept_patch.as_deref())
    }

    fn is_exposition(&self, path: &str) -> bool {
        self.with_exposition && path == EXPOSITION
    }

    fn operations(&self, method: &Method, path: &str) -> impl Iterator<Item = &OperationTraits> {
        self.matching(path).flat_map(move |route| route.operations(method))
    }

    fn matching(&self, path: &str) -> impl Iterator<Item = &Route> {
        let path = if path == SLASHED_INDEX { INDEX } else { path };
        self.routes.iter().filter(move |route| route.matches(path))
    }
}

impl Route {
    fn new(index: usize, path: &str, item: &PathItem) -> Self {
        let all = [
            ("GET, HEAD", &item.get, Method::GET),
            ("POST", &item.post, Method::POST),
            ("PUT", &item.put, Method::PUT),
            ("PATCH", &item.patch, Method::PATCH),
            ("DELETE", &item.delete, Method::DELETE),
        ];
        let operations = all.into_iter().filter_map(|(names, operation, method)| {
            operation.as_ref().map(|operation| (names, (method, OperationTraits::new(operation))))
        });
        let (names, operations): (Vec<_>, Vec<_>) = operations.unzip();
        let patched = item.patch.as_ref().and_then(|patch| patch.request_body.as_ref());
        let types = |body: &RequestBody| body.content.keys().cloned().collect::<Vec<_>>();
        Self {
            index: RouteIndex(index),
            path: path.into(),
            segments: path.split('/').map(fixed_text).collect(),
            allow: names.join(", "),
            accept_patch: patched.map(|body| types(body).join(", ")),
            operations,
        }
    }

    /// Adds an operation of a page.
    fn add_page(&mut self, page: &PageOperation) {
        let name = if page.method == Method::GET { "GET, HEAD" } else { page.method.as_str() };
        let separator = if self.allow.is_empty() { "" } else { ", " };
        self.allow = format!("{}{separator}{name}", self.allow);
        let traits = OperationTraits {
            uses_caller: page.uses_caller,
            kind: page.kind,
            query_parameters: page.query_parameters.iter().map(ToString::to_string).collect(),
        };
        self.operations.push((page.method.clone(), traits));
    }

    /// Whether a path is one of this route, as the router decides: a parameter is any segment that
    /// is not empty.
    fn matches(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let all = self.segments.iter().all(|segment| match (segment, parts.next()) {
            (Some(text), Some(part)) => text == part,
            (None, Some(part)) => !part.is_empty(),
            (_, None) => false,
        });
        all && parts.next().is_none()
    }

    /// Returns the operation with this method.
    fn operations(&self, method: &Method) -> impl Iterator<Item = &OperationTraits> {
        let method = if is_read(method) { Method::GET } else { method.clone() };
        let operations = self.operations.iter().filter(move |(known, _)| *known == method);
        operations.map(|(_, traits)| traits)
    }
}

impl OperationTraits {
    fn new(operation: &Operation) -> Self {
        let tagged = |tag: &String| CATALOGUE.contains(&tag.as_str());
        let parameters = operation.parameters.iter().flatten();
        let queried = parameters.filter(|one| matches!(one.parameter_in, ParameterIn::Query));
        Self {
            uses_caller: operation.security.iter().flatten().next().is_some(),
            kind: if operation.tags.iter().flatten().any(tagged) {
                RequestKind::Catalogue
            } else {
                RequestKind::Operation
            },
            query_parameters: queried.map(|parameter| parameter.name.clone()).collect(),
        }
    }
}

/// HEAD is GET without the body (RFC 9110, 9.3.2).
fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn is_below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the text of a segment; none for a parameter.
fn fixed_text(segment: &str) -> Option<String> {
    (!segment.starts_with('{')).then(|| segment.to_owned())
}

#[cfg(test)]
mod tests;
