//! Writes run to their end when the client disconnects. actix-web drops the future of a handler
//! whose client resets the connection; what follows a commit (invalidation of caches, release of
//! rate limit hits) would be lost with it. So the rest of a request that may change something runs
//! as a task of its own. There are never more such tasks than requests; bodies and the database
//! have deadlines.
//!
//! This is the innermost middleware: authentication is before it, and dropping it loses nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use futures_util::FutureExt;
use opentelemetry::context::FutureExt as _;
use slog::Logger;

use super::access_log::panic_message;
use super::detached::DetachedRequests;
use crate::http::AppState;
use crate::http::auditing;
use crate::http::connections::pace::ConnectionPace;
use crate::http::error::ApiError;
use crate::http::request::context::RequestContext;

/// Runs a request with an unsafe method (RFC 9110, 9.2.1) to its end, whether or not its client
/// stays connected.
pub async fn run_to_end<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let Some(state) = state.filter(|_| !request.method().is_safe()) else {
        return next.call(request).await;
    };
    let logger = RequestContext::logger(&request).unwrap_or_else(|| state.logger.clone());
    let shared = Rc::new(SharedPhase {
        detached: state.middleware.detached.clone(),
        phase: Cell::new(Phase::Attached),
    });
    let waiting = WaitingClient(Rc::clone(&shared));
    let active = request.conn_data::<Rc<ConnectionPace>>().map(ConnectionPace::begin_request);
    let work = async move {
        // Shutdown waits for connections, so this one counts as open until the work has ended.
        let _active = active;
        let running = RunningWork(shared);
        let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        if running.is_detached() {
            match &outcome {
                Ok(Ok(response)) => {
                    let error = response.response().error();
                    let refusal = error.and_then(|error| error.as_error::<ApiError>());
                    auditing::finish_request(
                        &state,
                        response.request(),
                        response.status(),
                        refusal,
                    );
                    log_detached(&logger, error, response.status().as_u16());
                }
                Ok(Err(error)) => {
                    let status = error.as_response_error().status_code();
                    log_detached(&logger, Some(error), status.as_u16());
                }
                Err(panic) => {
                    let error = format!("panic: {}", panic_message(panic.as_ref()));
                    slog::error!(logger, "request failed"; "error" => error);
                }
            }
        }
        outcome
    };
    // A task of its own does not inherit the span of the request.
    let work = actix_web::rt::spawn(work.with_current_context());
    let outcome = work.await;
    drop(waiting);
    match outcome {
        Ok(Ok(outcome)) => outcome,
        // The access log middleware answers 500.
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => {
            Err(ApiError::Internal { cause: "the task of a request was cancelled".into() }.into())
        }
    }
}

/// Logs the end of a detached request; the access log has already logged that its client
/// disconnected.
fn log_detached(logger: &Logger, error: Option<&Error>, status: u16) {
    match error.and_then(|error| error.as_error::<ApiError>()).and_then(ApiError::cause) {
        Some(cause) => slog::error!(logger, "request failed"; "status" => status, "error" => cause),
        None => slog::info!(logger, "request completed without its client"; "status" => status),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It runs, and its client waits for it.
    Attached,
    /// It runs, and its client has disconnected.
    Detached,
    Ended,
}

/// The state that both sides share; both are on one thread.
struct SharedPhase {
    detached: DetachedRequests,
    phase: Cell<Phase>,
}

/// The side that waits for the response; dropped early when the client disconnects.
struct WaitingClient(Rc<SharedPhase>);

impl Drop for WaitingClient {
    fn drop(&mut self) {
        if self.0.phase.get() == Phase::Attached {
            self.0.phase.set(Phase::Detached);
            self.0.detached.add();
        }
    }
}

/// The side that does the work.
struct RunningWork(Rc<SharedPhase>);

impl RunningWork {
    fn is_detached(&self) -> bool {
        self.0.phase.get() == Phase::Detached
    }
}

impl Drop for RunningWork {
    fn drop(&mut self) {
        if self.0.phase.replace(Phase::Ended) == Phase::Detached {
            self.0.detached.remove();
        }
    }
}
