//! One entry of the access log, and the headers and counts that depend on the same values.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, USER_AGENT};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use opentelemetry::Context;
use slog::{Level, Logger};

use super::values::{LoggedValues, milliseconds};
use crate::http::AppState;
use crate::http::middleware::security::set_cache_control;
use crate::http::request::caller::LoggedCaller;
use crate::http::request::class::{RequestClass, RequestKind};
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::event_stream::EventStream;
use crate::http::request::request_id::{HEADER, RequestIds};
use crate::http::request::routes::Routes;
use crate::http::request::script_nonce::ScriptNonce;
use crate::telemetry::instruments::http::{
    HttpInstruments, RequestInFlight, ResponseCounts, UNMATCHED,
};
use crate::telemetry::traces::request_span::{RequestEnd, RequestSpan, RequestSummary};

/// Logged length of a path or user agent, in characters.
const MAX_LOGGED: usize = 200;

/// What an entry says about the request. It never has a query string, another header or a body.
pub(super) struct AccessLogEntry {
    method: Method,
    class: RequestClass,
    client: ClientAddress,
    /// The canonical path; none if the path was refused.
    path: Option<String>,
    route: Arc<str>,
    user_agent: Option<String>,
    began: Instant,
    /// Counts the request as in flight until its entry is written; none for a scrape.
    _in_flight: Option<RequestInFlight>,
    /// Counts the response; none on listeners whose requests are not counted.
    counted: Option<ResponseCounts>,
    /// None if its trace is not exported.
    span: Option<RequestSpan>,
}

/// What an entry says about the response.
#[derive(Debug)]
pub(super) struct LoggedResponse {
    status: StatusCode,
    caller: Option<LoggedCaller>,
    /// The error code of a refusal.
    code: Option<&'static str>,
    /// When a stream began that lasts as long as its client wants.
    streams_since: Option<Instant>,
}

impl LoggedResponse {
    /// Describes a response; without a request if it was lost with an error.
    pub(super) fn new(
        status: StatusCode,
        code: Option<&'static str>,
        request: Option<&HttpRequest>,
    ) -> Self {
        let caller = request.and_then(|request| request.extensions().get().cloned());
        let stream = request.and_then(|request| request.extensions().get::<EventStream>().copied());
        Self { status, caller, code, streams_since: stream.map(|EventStream(since)| since) }
    }
}

impl AccessLogEntry {
    /// Begins the entry of a request.
    pub(super) fn new(
        request: &ServiceRequest,
        class: RequestClass,
        (client, began): (ClientAddress, Instant),
        span: Option<RequestSpan>,
        (instruments, is_counted): (&HttpInstruments, bool),
    ) -> Self {
        let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            method: request.method().clone(),
            class,
            client,
            path: class.refused.is_none().then(|| prefix(request.path())),
            route: route(request, class),
            user_agent: agent.map(prefix),
            began,
            _in_flight: (class.kind != RequestKind::Exposition)
                .then(|| instruments.begin_request()),
            counted: is_counted.then(|| instruments.responses.clone()),
            span,
        }
    }

    /// Returns the pattern of the route.
    pub(super) fn route(&self) -> Arc<str> {
        Arc::clone(&self.route)
    }

    /// Returns the context of the span.
    pub(super) fn span_context(&self) -> Option<Context> {
        self.span.as_ref().map(RequestSpan::context)
    }

    /// Ends the span.
    fn finish_span(&self, end: RequestEnd) {
        let Some(span) = &self.span else { return };
        let request = RequestSummary {
            method: self.method.as_str(),
            route: (*self.route != *UNMATCHED).then_some(&*self.route),
            path: self.path.as_deref(),
            user_agent: self.user_agent.as_deref(),
        };
        span.finish(request, end);
    }

    /// Whether the response has no body, whatever its length (RFC 9110, 9.3.2).
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Adds the headers that every response carries, and counts a failure. That of a health check
    /// is its result, not a failure.
    ///
    /// While the service stops, each response is the last of its connection: a client that sends
    /// its next request on a new one reaches another instance, and no request arrives on a
    /// connection that is closed at the end of `SHUTDOWN_DELAY`.
    pub(super) fn complete(
        &self,
        response: &mut HttpResponse<BoxBody>,
        ids: &RequestIds,
        state: &AppState,
    ) {
        let (status, kind) = (response.status(), self.class.kind);
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static(HEADER), ids.header_value());
        state.middleware.security_headers.insert_into(headers, kind);
        set_cache_control(headers, &self.method, kind, status);
        if self.class.is_for_people {
            let nonce = response.extensions().get::<ScriptNonce>().cloned();
            let headers = response.headers_mut();
            state.middleware.security_headers.insert_policy_of_page(headers, nonce.as_ref());
        }
        if state.operations.readiness.is_stopping() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        if status.is_server_error() && kind != RequestKind::Health {
            state.instruments.http.count_server_error(status.as_u16());
        }
    }

    /// Writes the entry of a request whose client disconnected before its response.
    pub(super) fn write_abandoned(&self, logger: &Logger) {
        slog::info!(logger, "request abandoned by its client";
            "method" => self.method.as_str(), "path" => self.path.as_deref(),
            "duration_ms" => milliseconds(self.began.elapsed()),
            "client" => %self.client.0);
        self.finish_span(RequestEnd::Abandoned);
    }

    /// Writes the entry and counts the response; `bytes` is the size of the body that was sent.
    pub(super) fn write(&self, logger: &Logger, response: &LoggedResponse, bytes: u64) {
        let (status, took) = (response.status, self.began.elapsed());
        if let Some(responses) = &self.counted {
            // How long a client listens is no latency.
            let answered = response.streams_since.map(|since| since.duration_since(self.began));
            let labels = [&self.route, self.method.as_str(), status.as_str()];
            responses.count(labels, answered.unwrap_or(took));
        }
        let values = LoggedValues {
            method: &self.method,
            path: self.path.as_deref(),
            route: &self.route,
            status,
            code: response.code,
            bytes,
            took,
            client: self.client.0,
            caller: response.caller.as_ref(),
            user_agent: self.user_agent.as_deref(),
        };
        match level(self.class.kind, status) {
            Level::Error => slog::error!(logger, "request"; values),
            Level::Info => slog::info!(logger, "request"; values),
            _ => slog::debug!(logger, "request"; values),
        }
        let (status, code) = (status.as_u16(), response.code);
        self.finish_span(RequestEnd::Answered { status, bytes, code });
    }
}

/// Returns the pattern of the route of a request.
fn route(request: &ServiceRequest, class: RequestClass) -> Arc<str> {
    let routes = request.app_data::<web::Data<Routes>>();
    let known = routes.zip(class.route).and_then(|(routes, route)| routes.pattern(route));
    // Pages and the exposition are not in the OpenAPI document.
    known.cloned().unwrap_or_else(|| match request.request().match_pattern() {
        Some(pattern) => pattern.into(),
        None => UNMATCHED.into(),
    })
}

/// Returns the level of an entry. Probes and scrapes come every few seconds, and a flood of refused
/// requests is no flood of lines: `rate_limit::refusals` logs some.
fn level(kind: RequestKind, status: StatusCode) -> Level {
    match (kind, status) {
        (RequestKind::Health, _) | (_, StatusCode::TOO_MANY_REQUESTS) => Level::Debug,
        (_, status) if status.is_server_error() => Level::Error,
        (RequestKind::Exposition, _) => Level::Debug,
        _ => Level::Info,
    }
}

fn prefix(text: &str) -> String {
    let end = text.char_indices().nth(MAX_LOGGED).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_depends_on_kind_and_status() {
        for (kind, status, expected) in [
            (RequestKind::Catalogue, 200, Level::Info),
            (RequestKind::Operation, 401, Level::Info),
            (RequestKind::Operation, 429, Level::Debug),
            (RequestKind::Catalogue, 500, Level::Error),
            (RequestKind::Catalogue, 503, Level::Error),
            (RequestKind::Catalogue, 504, Level::Error),
            (RequestKind::Health, 200, Level::Debug),
            (RequestKind::Health, 503, Level::Debug),
            (RequestKind::Exposition, 200, Level::Debug),
            (RequestKind::Exposition, 500, Level::Error),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(level(kind, status), expected, "{kind:?} {status}");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(prefix("/api/v1"), "/api/v1");
        assert_eq!(prefix(&"é".repeat(300)), "é".repeat(MAX_LOGGED));
    }
}
