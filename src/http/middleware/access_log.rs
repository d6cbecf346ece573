//! The access log, around everything that can fail: it names the request, writes its line, gives
//! all errors one shape, adds the headers that every response carries, and turns a panic into a
//! 500. What the line says is in `entry` and `values`, when it is written in `logged_body`.

mod entry;
mod logged_body;
mod values;

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use futures_util::FutureExt;
use futures_util::future::Either;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use scopeguard::ScopeGuard;
use slog::{Logger, OwnedKV};

use self::entry::{AccessLogEntry, LoggedResponse};
use self::logged_body::log_response;
use crate::http::AppState;
use crate::http::auditing;
use crate::http::envelope::ErrorBody;
use crate::http::error::ApiError;
use crate::http::error::not_done::not_done;
use crate::http::pages::failed_page::FailedPage;
use crate::http::request::class::{RequestClass, RequestKind};
use crate::http::request::context::RequestContext;
use crate::http::request::request_id::RequestIds;
use crate::http::request::script_nonce::ScriptNonce;
use crate::http::request::trace_id::{TraceId, TraceParent};
use crate::telemetry::traces::request_span::{RequestSpan, RequestTracer};

/// Logs a request and completes its response; if `is_counted`, also counts and times it for
/// Prometheus.
pub fn access_log<S, B>(
    request: ServiceRequest,
    next: &S,
    is_counted: bool,
) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        let error = ApiError::Internal { cause: "the application has no state".into() };
        return Either::Left(ready(Err(error.into())));
    };
    let begun = LoggedRequest::begin(&request, state, is_counted);
    // The future is dropped when the client disconnects.
    let begun = scopeguard::guard(begun, |request| request.entry.write_abandoned(&request.logger));
    let span = begun.entry.span_context();
    // A middleware may also panic before it returns its future.
    let response = catch_unwind(AssertUnwindSafe(|| next.call(request)));
    Either::Right(async move {
        let outcome = match response {
            Ok(response) => in_span(AssertUnwindSafe(response).catch_unwind(), span).await,
            Err(panic) => Err(panic),
        };
        ScopeGuard::into_inner(begun).finish(outcome)
    })
}

/// Runs a request in the context of its span, if it has one.
fn in_span<F: Future>(request: F, span: Option<Context>) -> impl Future<Output = F::Output> {
    match span {
        Some(span) => Either::Left(request.with_context(span)),
        None => Either::Right(request),
    }
}

/// Begins the span of a request. Probes, scrapes and assets have none: they are many, and say
/// nothing about the catalogue.
fn begin_span(
    tracer: &RequestTracer,
    kind: RequestKind,
    parent: Option<TraceParent>,
) -> Option<RequestSpan> {
    match kind {
        RequestKind::Health | RequestKind::Exposition | RequestKind::Asset => None,
        _ => tracer.begin(parent.map(TraceParent::span_context)),
    }
}

/// A request whose entry is written when its response is known.
struct LoggedRequest {
    entry: AccessLogEntry,
    ids: RequestIds,
    /// What the request was to do, if it was to change something.
    not_done: Option<&'static str>,
    /// How its errors are shown, if they are shown to a person.
    page: Option<FailedPage>,
    state: web::Data<AppState>,
    logger: Logger,
}

impl LoggedRequest {
    fn begin(request: &ServiceRequest, state: web::Data<AppState>, is_counted: bool) -> Self {
        let began = Instant::now();
        let parent = TraceParent::from_headers(request.headers());
        let class = RequestClass::from_request(request);
        let span = begin_span(&state.middleware.tracer, class.kind, parent);
        let started_trace = || span.as_ref().and_then(RequestSpan::trace_id).map(TraceId::new);
        let trace = parent.map(|parent| parent.trace).or_else(started_trace);
        let ids = RequestIds::from_headers(request.headers(), trace);
        let logger = state.logger.new(OwnedKV(ids.clone()));
        let client = state.middleware.forwarding.client_address(request, &logger);
        let counted = (&state.instruments.http, is_counted);
        let entry = AccessLogEntry::new(request, class, (client, began), span, counted);
        let (route, own_logger) = (entry.route(), logger.clone());
        let context = RequestContext { client, ids: ids.clone(), route, logger: own_logger };
        request.extensions_mut().insert(context);
        let page = FailedPage::of(request);
        Self { entry, ids, not_done: not_done(request), page, state, logger }
    }

    /// Completes the response and writes the entry.
    fn finish<B: MessageBody + 'static>(
        self,
        outcome: thread::Result<Result<ServiceResponse<B>, Error>>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let error = match outcome {
            Ok(Ok(response)) => return Ok(self.finish_response(response.map_into_boxed_body())),
            Ok(Err(error)) => api_error(&error),
            Err(panic) => {
                ApiError::Internal { cause: format!("panic: {}", panic_message(panic.as_ref())) }
            }
        };
        // The request is gone with the error, so the error carries the complete response.
        let mut response = self.render(&error);
        self.entry.complete(&mut response, &self.ids, &self.state);
        let summary = LoggedResponse::new(response.status(), Some(error.code()), None);
        let Self { entry, logger, .. } = self;
        let response = response.map_body(|_, body| log_response(body, entry, summary, &logger));
        Err(actix_web::error::InternalError::from_response(error.to_string(), response).into())
    }

    fn finish_response(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let error = error_in(&response);
        let status = response.status();
        auditing::finish_request(&self.state, response.request(), status, error.as_ref());
        let code = error.as_ref().map(ApiError::code);
        let mut response = self.with_error_body(response, error);
        self.entry.complete(response.response_mut(), &self.ids, &self.state);
        let summary = LoggedResponse::new(response.status(), code, Some(response.request()));
        let Self { entry, logger, .. } = self;
        response.map_body(|_, body| log_response(body, entry, summary, &logger))
    }

    /// Gives an error response its body. Error responses that were not made from an error keep
    /// theirs: health answers 503 with its own. So do finished pages, which show the error
    /// themselves.
    fn with_error_body(
        &self,
        response: ServiceResponse<BoxBody>,
        error: Option<ApiError>,
    ) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let is_error = status.is_client_error() || status.is_server_error();
        let Some(error) = error.filter(|_| is_error) else { return response };
        if response.response().extensions().contains::<ScriptNonce>() {
            return response;
        }
        let headers = response.headers().clone();
        let mut rendered = self.render(&error);
        for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_TYPE) {
            rendered.headers_mut().insert(name.clone(), value.clone());
        }
        response.into_response(rendered)
    }

    /// Builds the response to an error.
    fn render(&self, error: &ApiError) -> HttpResponse {
        if let Some(cause) = error.cause() {
            slog::error!(self.logger, "request failed"; "code" => error.code(), "error" => cause);
        }
        if let Some(page) = &self.page {
            let now = self.state.clock.now();
            return page.respond(error, self.not_done, self.ids.as_str(), now);
        }
        let mut response = error.error_response();
        let now = self.state.clock.now();
        let body = ErrorBody::new(error, self.not_done, self.ids.as_str(), now);
        let body = body.in_trace(self.ids.trace);
        let body = serde_json::to_string(&body).unwrap_or_default();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        response.set_body(BoxBody::new(body))
    }
}

/// Returns the error that a response was made from.
fn error_in(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let inserted = response.response().extensions().get::<ApiError>().cloned();
    response.response().error().map(api_error).or(inserted)
}

/// Returns an error of ours unchanged, and maps one of the framework by its status.
fn api_error(error: &Error) -> ApiError {
    if let Some(error) = error.as_error::<ApiError>() {
        return error.clone();
    }
    match error.as_response_error().status_code().as_u16() {
        404 => ApiError::NotFound("Not found".into()),
        413 => ApiError::PayloadTooLarge { message: "The body is too large".into() },
        415 => ApiError::UnsupportedMediaType("The media type is not supported"),
        400..=499 => ApiError::invalid("", "is not valid"),
        _ => ApiError::Internal { cause: error.to_string() },
    }
}

/// Returns the message of a panic.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
