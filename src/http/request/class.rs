//! What kind of request this is, decided once from its canonical path and method. Rate limits,
//! authentication, security and cache headers, error counts and 405 all ask here, so that no two of
//! them can disagree.
//!
//! Everything is taken from the API document: the routes, and which operations know a caller (those
//! with a `security`). The document does not list what is exempt from rate limits; that is the
//! short list below.

use actix_web::HttpMessage;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{HttpMethod, OpenApi};

use crate::http::request::path::RefusedPath;

/// Health checks that are exempt from rate limits: a load balancer must not be locked out, and they
/// cost next to nothing.
const HEALTH: [&str; 3] = ["/health", "/health/live", "/health/ready"];
const EXPOSITION: &str = "/metrics";
const PAGES: &str = "/api-docs";
/// Tags of the operations whose answers clients may keep, if they ask each time whether they still
/// hold.
const CATALOGUE: [&str; 2] = ["metrics", "domains"];

/// The kinds of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A health check that anyone may make.
    Health,
    /// Prometheus' text, where it is served on this listener.
    Exposition,
    /// A static page or what belongs to it.
    Page,
    /// An operation of the catalogue.
    Catalogue,
    /// Any other operation.
    Operation,
    /// No route, no such method on the route, or a refused path.
    #[default]
    Unmatched,
}

/// What kind of request this is. That of a request that was not classified is [`Kind::Unmatched`]:
/// counted, without a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestClass {
    /// Its kind.
    pub kind: Kind,
    /// Whether its handler can use a caller. Credentials of other requests are not read.
    pub uses_caller: bool,
    /// Why its path is refused.
    pub refused: Option<RefusedPath>,
}

impl RequestClass {
    /// The class of a request, as the outermost middleware has decided it.
    pub fn of(request: &impl HttpMessage) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_default()
    }

    /// The class of a request whose path is refused.
    pub fn refused(why: RefusedPath) -> Self {
        Self { refused: Some(why), ..Self::default() }
    }

    /// Whether rate limits count it: everything but health checks, pages and the exposition.
    pub fn is_limited(self) -> bool {
        !matches!(self.kind, Kind::Health | Kind::Exposition | Kind::Page)
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
    /// What precedes the first parameter, and how many slashes there are: cheaper to compare than
    /// the pattern.
    prefix: String,
    slashes: usize,
    /// The value of `Allow`.
    allow: String,
    operations: Vec<(Method, Known)>,
}

/// What the document says of an operation.
#[derive(Clone, Copy, Debug)]
struct Known {
    uses_caller: bool,
    catalogue: bool,
}

impl Routes {
    /// The routes that the document names; with `/metrics`, if it is on the same listener.
    pub fn new(document: &OpenApi, with_exposition: bool) -> Self {
        let routes =
            document.paths.paths.iter().map(|(path, item)| Route::new(path, item)).collect();
        Self { routes, with_exposition }
    }

    /// The class of a request with this method and canonical path.
    pub fn classify(&self, method: &Method, path: &str) -> RequestClass {
        // HEAD is GET without the body (RFC 9110, 9.3.2).
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let read = *method == Method::GET;
        let page =
            path.strip_prefix(PAGES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let kind = match path {
            EXPOSITION if read && self.with_exposition => Kind::Exposition,
            path if read && HEALTH.contains(&path) => Kind::Health,
            _ if read && page => Kind::Page,
            path => return self.operation(method, path),
        };
        RequestClass { kind, ..RequestClass::default() }
    }

    fn operation(&self, method: &Method, path: &str) -> RequestClass {
        let operations = self.matching(path).flat_map(|route| &route.operations);
        let known = operations.filter(|(known, _)| known == method).map(|(_, known)| *known);
        // Where two patterns match, the stricter reading of both holds.
        let known = known.reduce(|one, other| Known {
            uses_caller: one.uses_caller || other.uses_caller,
            catalogue: one.catalogue && other.catalogue,
        });
        let Some(Known { uses_caller, catalogue }) = known else { return RequestClass::default() };
        let kind = if catalogue { Kind::Catalogue } else { Kind::Operation };
        RequestClass { kind, uses_caller, refused: None }
    }

    /// The methods of the route that has this path, as `Allow` lists them.
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
            Some((names, (ours, Known { uses_caller: operation.security.is_some(), catalogue })))
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
