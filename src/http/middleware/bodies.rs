//! The deadline of request bodies, whatever route reads them; it moves with what has arrived. No
//! connection stays open for the rest of a body that no handler reads. The size limits are in
//! `http::extract::json_body`.

mod own_headers;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::future::Either;
use futures_util::{Stream, TryFutureExt};
use tokio::time::{Instant, Sleep, sleep_until};

/// Longest silence of a client, and the time for a body of any size, from when it is first read.
pub const GRACE: Duration = Duration::from_secs(10);
/// Each so many bytes that arrive move the deadline by a second, never beyond [`GRACE`] from now.
pub const MIN_BYTES_PER_SECOND: u64 = 64 * 1024;

/// The deadline of a body.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    due: Instant,
}

impl Deadline {
    /// Starts the time of a body that is first read now: the time before does not count.
    fn new(now: Instant) -> Self {
        Self { due: now + GRACE }
    }

    /// Moves the deadline for bytes that have arrived. What arrives fast earns no long silence.
    fn extend(&mut self, bytes: usize, now: Instant) {
        let earned = (bytes as u64).saturating_mul(1_000_000) / MIN_BYTES_PER_SECOND;
        self.due = (self.due + Duration::from_micros(earned)).min(now + GRACE);
    }
}

/// A body that is arriving, shared by its reader and by the response to its request.
struct IncomingBody {
    payload: Payload,
    deadline: Option<Deadline>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl IncomingBody {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let deadline = self.deadline.get_or_insert_with(|| Deadline::new(Instant::now()));
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(item) => {
                if let Some(Ok(chunk)) = &item {
                    deadline.extend(chunk.len(), Instant::now());
                }
                Poll::Ready(item)
            }
            Poll::Pending => {
                let due = deadline.due;
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
                if timer.deadline() != due {
                    timer.as_mut().reset(due);
                }
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
            }
        }
    }
}

struct TimedPayload(Rc<RefCell<IncomingBody>>);

impl Stream for TimedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(context)
    }
}

/// A response that keeps the body of its request until it is sent. actix-http reads a chunked body
/// that was dropped to its end, however long that takes; a body that still exists and is incomplete
/// makes it close the connection after the response.
struct WithRequestBody {
    response: BoxBody,
    _request: Rc<RefCell<IncomingBody>>,
}

impl MessageBody for WithRequestBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.response.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().response).poll_next(context)
    }
}

/// Gives the body of a request its deadline. This is the outermost middleware, so that the body of
/// every response passes it last.
///
/// # Errors
/// Those of `next`.
pub fn enforce_deadline<S, B>(
    mut request: ServiceRequest,
    next: &S,
) -> impl Future<Output = Result<ServiceResponse<EitherBody<B, BoxBody>>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Either::Left(next.call(request).map_ok(ServiceResponse::map_into_left_body));
    }
    own_headers::detach(request.headers_mut());
    let incoming = Rc::new(RefCell::new(IncomingBody { payload, deadline: None, timer: None }));
    let timed: Pin<Box<dyn Stream<Item = _>>> = Box::pin(TimedPayload(incoming.clone()));
    request.set_payload(timed.into());
    let keep = |response: BoxBody| BoxBody::new(WithRequestBody { response, _request: incoming });
    let response = next.call(request);
    Either::Right(Box::pin(async move {
        match response.await {
            Ok(response) => Ok(response.map_body(|_, body| EitherBody::right(keep(body.boxed())))),
            Err(error) => {
                let response = error.error_response().map_body(|_, body| keep(body));
                Err(InternalError::from_response(error, response).into())
            }
        }
    }))
}

#[cfg(test)]
mod tests;
