//! One entry of the access log, and the headers and counts that depend on the same values.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use slog::{Logger, o};

use crate::http::AppState;
use crate::http::middleware::security::set_cache_control;
use crate::http::request::caller::LoggedCaller;
use crate::http::request::class::{RequestClass, RequestKind};
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::{HEADER, RequestId};

/// The values of an entry. It never has a query string, a header or a body.
pub(super) struct AccessLogEntry {
    pub(super) method: Method,
    pub(super) class: RequestClass,
    pub(super) client: ClientAddress,
    pub(super) began: Instant,
}

impl AccessLogEntry {
    /// Adds the headers that every response carries, and counts a failure. That of a health check
    /// is its result, not a failure.
    pub(super) fn complete(
        &self,
        response: &mut HttpResponse<BoxBody>,
        id: &RequestId,
        state: &AppState,
    ) {
        let (status, kind) = (response.status(), self.class.kind);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&id.0) {
            headers.insert(HeaderName::from_static(HEADER), value);
        }
        state.middleware.security_headers.insert_into(headers, kind);
        set_cache_control(headers, &self.method, kind, status);
        if status.is_server_error() && kind != RequestKind::Health {
            state.instruments.http.count_server_error(status.as_u16());
        }
    }

    /// Writes the entry; without a request if it was lost with an error.
    pub(super) fn write(&self, logger: &Logger, status: StatusCode, request: Option<&HttpRequest>) {
        let route = request.and_then(HttpRequest::match_pattern);
        let caller = request.and_then(|request| request.extensions().get().cloned());
        let (user, api_key) = caller.map(|LoggedCaller { user, api_key }| (user, api_key)).unzip();
        let values = o!(
            "method" => self.method.to_string(),
            "route" => route.unwrap_or_else(|| "unmatched".into()), "status" => status.as_u16(),
            "duration_ms" => self.milliseconds(), "client" => self.client.0.to_string(),
            "user" => user, "api_key" => api_key.flatten());
        // A flood of refused requests is no flood of lines; `rate_limit::refusals` logs some.
        if status == StatusCode::TOO_MANY_REQUESTS {
            slog::debug!(logger, "request"; values);
        } else {
            slog::info!(logger, "request"; values);
        }
    }

    fn milliseconds(&self) -> f64 {
        (self.began.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0
    }
}

/// Writes the entry of a request whose client disconnects, when its future is dropped.
pub(super) struct AbandonedRequest<'a> {
    pub(super) logger: &'a Logger,
    pub(super) entry: Option<&'a AccessLogEntry>,
}

impl Drop for AbandonedRequest<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry {
            slog::info!(self.logger, "request abandoned by its client";
                "method" => entry.method.as_str(), "duration_ms" => entry.milliseconds(),
                "client" => entry.client.0.to_string());
        }
    }
}
