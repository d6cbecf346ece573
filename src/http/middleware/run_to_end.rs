//! Writes run to their end whatever the client does. actix-web drops the future of a handler whose
//! client resets the connection; what follows a commit (invalidation of caches, refunds of rate
//! limit hits) would be lost with it. So the rest of a request that may change something runs as a
//! task of its own. There are never more of them than requests; bodies have a deadline, the
//! database has one, too.
//!
//! The innermost middleware: who may call was decided before, and a dropped decision loses nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;
use slog::Logger;

use crate::http::AppState;
use crate::http::auditing;
use crate::http::error::ApiError;
use crate::http::middleware::access_log::panic_message;

/// How many requests run on although their clients have gone: shutdown waits for them.
#[derive(Clone, Debug, Default)]
pub struct Detached(Arc<AtomicUsize>);

impl Detached {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// See the module.
pub async fn run_to_end<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let Some(state) = state.filter(|_| !request.method().is_safe()) else {
        return next.call(request).await;
    };
    let logger = request.extensions().get::<Logger>().unwrap_or(&state.logger).clone();
    let place =
        Rc::new(Place { detached: state.detached.clone(), phase: Cell::new(Phase::Attended) });
    let client = Client(Rc::clone(&place));
    let work = actix_web::rt::spawn(async move {
        let running = Running(place);
        let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        if running.is_detached() {
            match &outcome {
                Ok(Ok(response)) => {
                    let error = response.response().error();
                    let refusal = error.and_then(|error| error.as_error::<ApiError>());
                    auditing::finish(response.request(), response.status(), refusal);
                    log_detached(&logger, error, response.status().as_u16());
                }
                Ok(Err(error)) => log_detached(
                    &logger,
                    Some(error),
                    error.as_response_error().status_code().as_u16(),
                ),
                Err(panic) => {
                    slog::error!(logger, "request failed"; "error" => format!("panic: {}", panic_message(panic.as_ref())));
                }
            }
        }
        outcome
    });
    let outcome = work.await;
    drop(client);
    match outcome {
        Ok(Ok(outcome)) => outcome,
        // `frame` makes it a 500.
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => {
            Err(ApiError::Internal { cause: "the task of a request was cancelled".into() }.into())
        }
    }
}

/// What nobody is there to be answered; `frame` has already logged that the client went away.
fn log_detached(logger: &Logger, error: Option<&Error>, status: u16) {
    match error.and_then(|error| error.as_error::<ApiError>()).and_then(ApiError::cause) {
        Some(cause) => slog::error!(logger, "request failed"; "status" => status, "error" => cause),
        None => slog::info!(logger, "request completed without its client"; "status" => status),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It runs, and its client waits for it.
    Attended,
    /// It runs, and its client has gone.
    Detached,
    Ended,
}

/// What the two sides know of each other; both live on one thread.
struct Place {
    detached: Detached,
    phase: Cell<Phase>,
}

/// The side that waits; dropped early when the client has gone.
struct Client(Rc<Place>);

impl Drop for Client {
    fn drop(&mut self) {
        if self.0.phase.get() == Phase::Attended {
            self.0.phase.set(Phase::Detached);
            self.0.detached.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The side that works.
struct Running(Rc<Place>);

impl Running {
    fn is_detached(&self) -> bool {
        self.0.phase.get() == Phase::Detached
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.phase.replace(Phase::Ended) == Phase::Detached {
            self.0.detached.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
