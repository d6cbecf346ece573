//! The frame of every request: its name, its log line, the one shape of its errors; a panic ends
//! here as a 500.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use futures_util::FutureExt;
use slog::{Logger, o};

use crate::http::AppState;
use crate::http::auditing;
use crate::http::envelope::ErrorBody;
use crate::http::error::ApiError;
use crate::http::middleware::security;
use crate::http::request::caller::Seen;
use crate::http::request::class::{Kind, RequestClass};
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::{HEADER, RequestId, ServerRequestId};

/// See the module.
pub async fn frame<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let own_id = ServerRequestId::new();
    let id = RequestId::of(request.headers(), own_id);
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Err(ApiError::Internal { cause: "the application has no state".into() }.into());
    };
    let logger = state
        .logger
        .new(o!("request_id" => id.0.clone(), "server_request_id" => own_id.0.to_string()));
    let client = state.forwarding.client(&request, &logger);
    let line = Line { method: request.method().clone(), class: RequestClass::of(&request), client };
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(logger.clone());
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(own_id);
    auditing::start(&state, &request);
    let mut abandoned = Abandoned { logger: &logger, line: Some(&line), began };
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    abandoned.line = None;
    match outcome {
        Ok(Ok(response)) => {
            let response = response.map_into_boxed_body();
            auditing::finish(response.request(), response.status(), error_in(&response).as_ref());
            let mut response = shaped(response, &id, &state, &logger);
            line.mark(response.response_mut(), &id, &state);
            line.count(response.status(), &state);
            line.write(&logger, &response, began);
            Ok(response)
        }
        Ok(Err(error)) => Err(finished(&error_of(&error), &id, &state, (&line, &logger))),
        Err(panic) => {
            let cause = format!("panic: {}", panic_message(panic.as_ref()));
            Err(finished(&ApiError::Internal { cause }, &id, &state, (&line, &logger)))
        }
    }
}

/// Gives an error answer its body; what is no error passes.
fn shaped(
    response: ServiceResponse<BoxBody>,
    id: &RequestId,
    state: &AppState,
    logger: &Logger,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    // Health answers 503 with a body of its own.
    let Some(error) = error_in(&response) else { return response };
    let headers = response.headers().clone();
    let mut body = render(&error, id, state, logger);
    for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_TYPE) {
        body.headers_mut().insert(name.clone(), value.clone());
    }
    response.into_response(body)
}

/// The error that a response was made of, if any.
fn error_in(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let known = response.response().extensions().get::<ApiError>().cloned();
    response.response().error().map(error_of).or(known)
}

/// Ours as it is; one of the framework's by its status.
fn error_of(error: &Error) -> ApiError {
    if let Some(error) = error.as_error::<ApiError>() {
        return error.clone();
    }
    match error.as_response_error().status_code().as_u16() {
        404 => ApiError::NotFound("There is no such thing"),
        413 => ApiError::PayloadTooLarge { message: "The body is too large".into() },
        415 => ApiError::UnsupportedMediaType("This media type is not understood"),
        400..=499 => ApiError::invalid("", "is not valid"),
        _ => ApiError::Internal { cause: error.to_string() },
    }
}

fn render(error: &ApiError, id: &RequestId, state: &AppState, logger: &Logger) -> HttpResponse {
    if let Some(cause) = error.cause() {
        slog::error!(logger, "request failed"; "code" => error.code(), "error" => cause);
    }
    let mut response = error.error_response();
    let body =
        serde_json::to_string(&ErrorBody::of(error, &id.0, state.clock.now())).unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response.set_body(BoxBody::new(body))
}

/// An error answer for where there is no request any more to answer to: it is complete in itself.
fn finished(
    error: &ApiError,
    id: &RequestId,
    state: &AppState,
    (line, logger): (&Line, &Logger),
) -> Error {
    let mut response = render(error, id, state, logger);
    line.mark(&mut response, id, state);
    line.count(response.status(), state);
    actix_web::error::InternalError::from_response(error.to_string(), response).into()
}

/// What a panic says of itself.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// What the log line says; never a query string, a header or a body.
struct Line {
    method: Method,
    class: RequestClass,
    client: ClientAddress,
}

impl Line {
    /// The headers that every answer carries.
    fn mark(&self, response: &mut HttpResponse<BoxBody>, id: &RequestId, state: &AppState) {
        let status = response.status();
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&id.0) {
            headers.insert(HeaderName::from_static(HEADER), value);
        }
        state.security_headers.write(headers, self.class.kind);
        security::keep(headers, &self.method, self.class.kind, status);
    }

    /// Counts a failure. That of a health check is a message, not a failure.
    fn count(&self, status: StatusCode, state: &AppState) {
        if status.is_server_error() && self.class.kind != Kind::Health {
            state.instruments.http.failed(status.as_u16());
        }
    }

    fn write(&self, logger: &Logger, response: &ServiceResponse<BoxBody>, began: Instant) {
        let request = response.request();
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".into());
        let (user, api_key) = request
            .extensions()
            .get::<Seen>()
            .cloned()
            .map(|seen| (seen.user, seen.api_key))
            .unzip();
        let values = o!(
            "method" => self.method.to_string(), "route" => route, "status" => response.status().as_u16(),
            "duration_ms" => milliseconds(began), "client" => self.client.0.to_string(), "user" => user,
            "api_key" => api_key.flatten());
        // A flood of refused requests is no flood of lines: `http::limits` tells of it.
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            slog::debug!(logger, "request"; values);
        } else {
            slog::info!(logger, "request"; values);
        }
    }
}

fn milliseconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// Writes the line of a request whose client went away, when its future is dropped.
struct Abandoned<'a> {
    logger: &'a Logger,
    line: Option<&'a Line>,
    began: Instant,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.line {
            slog::info!(self.logger, "request abandoned by its client";
                "method" => line.method.as_str(), "duration_ms" => milliseconds(self.began),
                "client" => line.client.0.to_string());
        }
    }
}
