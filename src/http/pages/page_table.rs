//! The table of pages: what routing, classification, query rules and tests know of each.

use std::fmt;

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, Route, web};

use crate::http::request::class::RequestKind;
use crate::http::request::routes::PageOperation;

/// All pages, with their handlers.
#[derive(Default)]
pub struct PageTable(Vec<(PageOperation, Route)>);

impl fmt::Debug for PageTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(operation, _)| operation)).finish()
    }
}

/// Whether a page knows who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The session cookie is not read.
    Anyone,
    /// The session cookie is read; the handler's parameters say who may have the page.
    Callers,
}

impl PageTable {
    /// Adds a page that shows something; its query may have these parameters.
    #[must_use]
    pub fn get<F, A>(
        self,
        path: &'static str,
        query_parameters: &'static [&'static str],
        audience: Audience,
        handler: F,
    ) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let kind = RequestKind::Dashboard;
        self.add((Method::GET, path), query_parameters, kind, audience, web::get().to(handler))
    }

    /// Adds the target of a form.
    #[must_use]
    pub fn post<F, A>(self, path: &'static str, audience: Audience, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let kind = RequestKind::Dashboard;
        self.add((Method::POST, path), &[], kind, audience, web::post().to(handler))
    }

    /// Adds files that pages load, which no limit counts.
    #[must_use]
    pub fn assets<F, A>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let (kind, route) = (RequestKind::Asset, web::get().to(handler));
        self.add((Method::GET, path), &[], kind, Audience::Anyone, route)
    }

    fn add(
        mut self,
        (method, path): (Method, &'static str),
        query_parameters: &'static [&'static str],
        kind: RequestKind,
        audience: Audience,
        route: Route,
    ) -> Self {
        let uses_caller = audience == Audience::Callers;
        let operation = PageOperation { method, path, query_parameters, kind, uses_caller };
        self.0.push((operation, route));
        self
    }

    /// Returns what is known of each page without its handler.
    pub fn operations(&self) -> Vec<PageOperation> {
        self.0.iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// Returns the path, the kind and the handler of each page.
    pub(super) fn into_routes(self) -> impl Iterator<Item = (&'static str, RequestKind, Route)> {
        self.0.into_iter().map(|(operation, route)| (operation.path, operation.kind, route))
    }
}
