//! The class of a request, decided once from its canonical path and method
//! (`http::request::routes`). Rate limits, authentication, security and cache headers and error
//! counts all use it, so that no two of them can disagree.

use actix_web::HttpMessage;

use crate::http::request::path::RefusedPath;

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
    /// A page for people, whose credential is the session cookie.
    Dashboard,
    /// A script or style sheet of those pages.
    Asset,
    /// No route, no such method on the route, or a refused path.
    #[default]
    Unmatched,
}

/// Identifies a route of the OpenAPI document, in `http::request::routes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteIndex(pub usize);

/// The class of a request. One that was not classified is [`RequestKind::Unmatched`]: limited, and
/// without a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestClass {
    pub kind: RequestKind,
    /// Whether its handler uses a caller. Credentials of other requests are not read.
    pub uses_caller: bool,
    pub refused: Option<RefusedPath>,
    /// The route with this path, whatever the method; none for the API documentation and the
    /// exposition.
    pub route: Option<RouteIndex>,
    /// Whether a browser shows its response to a person, who gets errors as pages, too.
    pub is_for_people: bool,
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

    /// Whether the general and the caller limit count it: everything but health checks, the API
    /// documentation, assets and the exposition.
    pub fn has_quota(self) -> bool {
        self.is_burst_limited() && self.kind != RequestKind::Page
    }

    /// Whether the burst limit counts it: everything but health checks, assets and the exposition.
    pub fn is_burst_limited(self) -> bool {
        !matches!(self.kind, RequestKind::Health | RequestKind::Exposition | RequestKind::Asset)
    }
}
