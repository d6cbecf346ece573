//! The class of a request, decided once from its canonical path and method. Rate limits,
//! authentication, security and cache headers, error counts and 405 all use it, so that no two of
//! them can disagree.
//!
//! Routes and the operations that use a caller (those with a `security`) come from the OpenAPI
//! document. Exemptions from rate limits are not in the document; they are the constants below.

use actix_web::HttpMessage;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{HttpMethod, OpenApi};

use crate::http::request::path::RefusedPath;

/// Health checks are exempt from rate limits: a load balancer must not be locked out, and they cost
/// next to nothing.
const HEALTH: [&str; 3] = ["/health", "/health/live", "/health/ready"];
const EXPOSITION: &str = "/metrics";
const PAGES: &str = "/api-docs";
/// Tags of the operations whose responses clients may store and revalidate.
const CATALOGUE: [&str; 2] = ["metrics", "domains"];

/// The kind of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestKind {
    /// A public health check.
    Health,
    /// Metrics for Prometheus, where they are served on this listener.
    Exposition,
    /// A page of the API documentation, or a file of it.
    Page,
    Catalogue,
    Operation,
    /// No route, no such method on the route, or a refused path.
    #[default]
    Unmatched,
}

/// The class of a request. One that was not classified is [`RequestKind::Unmatched`]: limited, and
/// without a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestClass {
    pub kind: RequestKind,
    /// Whether its handler uses a caller. Credentials of other requests are not read.
    pub uses_caller: bool,
    pub refused: Option<RefusedPath>,
}

impl RequestClass {
    /// Returns the class that `middleware::classify` has put into the request.
    pub fn from_request(request: &impl HttpMessage) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_default()
    }

    /// Classifies a request whose path is refused.
    pub fn with_refused_path(why: RefusedPath) -> Self {
        Self { refused: Some(why), ..Self::default() }
    }

    /// Whether the general and the caller limit count it: everything but health checks, pages and
    /// the exposition.
    pub fn has_quota(self) -> bool {
        self.is_burst_limited() && self.kind != RequestKind::Page
    }

    /// Whether the burst limit counts it: everything but health checks and the exposition.
    pub fn is_burst_limited(self) -> bool {
        !matches!(self.kind, RequestKind::Health | RequestKind::Exposition)
    }
}

/// The routes of the application, for classification.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    with_exposition: bool,
}

#[derive(Debug)]
struct Route {
    path: String,
    pattern: ResourceDef,
    /// What precedes the first parameter. It and the number of slashes are cheaper to compare than
    /// the pattern.
    prefix: String,
    slashes: usize,
    /// The value of `Allow`.
    allow: String,
    operations: Vec<(Method, OperationTraits)>,
}

/// What the OpenAPI document says about an operation.
#[derive(Clone, Copy, Debug)]
struct OperationTraits {
    uses_caller: bool,
    catalogue: bool,
}

impl Routes {
    /// Takes the routes of the OpenAPI document, and `/metrics` if this listener serves it.
    pub fn new(document: &OpenApi, with_exposition: bool) -> Self {
        let routes =
            document.paths.paths.iter().map(|(path, item)| Route::new(path, item)).collect();
        Self { routes, with_exposition }
    }

    /// Classifies a request by its method and canonical path.
    pub fn classify(&self, method: &Method, path: &str) -> RequestClass {
        // HEAD is GET without the body (RFC 9110, 9.3.2).
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let read = *method == Method::GET;
        let page =
            path.strip_prefix(PAGES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let kind = match path {
            EXPOSITION if read && self.with_exposition => RequestKind::Exposition,
            path if read && HEALTH.contains(&path) => RequestKind::Health,
            _ if read && page => RequestKind::Page,
            path => return self.operation(method, path),
        };
        RequestClass { kind, ..RequestClass::default() }
    }

    fn operation(&self, method: &Method, path: &str) -> RequestClass {
        let operations = self.matching(path).flat_map(|route| &route.operations);
        let known = operations.filter(|(known, _)| known == method).map(|(_, known)| *known);
        // Where two patterns match, the stricter class of both holds.
        let known = known.reduce(|one, other| OperationTraits {
            uses_caller: one.uses_caller || other.uses_caller,
            catalogue: one.catalogue && other.catalogue,
        });
        let Some(OperationTraits { uses_caller, catalogue }) = known else {
            return RequestClass::default();
        };
        let kind = if catalogue { RequestKind::Catalogue } else { RequestKind::Operation };
        RequestClass { kind, uses_caller, refused: None }
    }

    /// Returns the methods of the route with this path, as `Allow` lists them; none if no route has
    /// this path.
    pub fn allow(&self, path: &str) -> Option<&str> {
        self.matching(path).next().map(|route| route.allow.as_str())
    }

    fn matching(&self, path: &str) -> impl Iterator<Item = &Route> {
        let slashes = slashes(path);
        let near =
            move |route: &&Route| route.slashes == slashes && path.starts_with(&route.prefix);
        self.routes
            .iter()
            .filter(near)
            .filter(move |route| route.path == path || route.pattern.is_match(path))
    }
}

impl Route {
    fn new(path: &str, item: &PathItem) -> Self {
        let all = [
            ("GET, HEAD", HttpMethod::Get, Method::GET),
            ("POST", HttpMethod::Post, Method::POST),
            ("PUT", HttpMethod::Put, Method::PUT),
            ("PATCH", HttpMethod::Patch, Method::PATCH),
            ("DELETE", HttpMethod::Delete, Method::DELETE),
        ];
        let operations = all.into_iter().filter_map(|(names, method, ours)| {
            let operation = operation(item, &method)?;
            let tagged = |tag: &String| CATALOGUE.contains(&tag.as_str());
            let catalogue = operation.tags.iter().flatten().any(tagged);
            Some((
                names,
                (ours, OperationTraits { uses_caller: operation.security.is_some(), catalogue }),
            ))
        });
        let (names, operations): (Vec<_>, Vec<_>) = operations.unzip();
        Self {
            path: path.to_owned(),
            pattern: ResourceDef::new(path),
            prefix: path.split('{').next().unwrap_or_default().to_owned(),
            slashes: slashes(path),
            allow: names.join(", "),
            operations,
        }
    }
}

fn slashes(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

fn operation<'a>(item: &'a PathItem, method: &HttpMethod) -> Option<&'a Operation> {
    match method {
        HttpMethod::Get => item.get.as_ref(),
        HttpMethod::Post => item.post.as_ref(),
        HttpMethod::Put => item.put.as_ref(),
        HttpMethod::Patch => item.patch.as_ref(),
        HttpMethod::Delete => item.delete.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
