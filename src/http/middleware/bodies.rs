//! Request bodies while they arrive. Each has a deadline, which moves with what has arrived,
//! whatever route reads it; and no connection stays open for the rest of a body that no handler
//! wants. How large a body may be is up to the extractors (`http::extract::json_body`).

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a body may take, whatever its size, from when it is first waited for.
pub const GRACE: Duration = Duration::from_secs(10);
/// For each so many bytes that have arrived a body may take a second more.
pub const MIN_BYTES_PER_SECOND: u64 = 64 * 1024;

/// A body in arrival, shared by what reads it and by the response to its request.
struct Incoming {
    payload: Payload,
    received: u64,
    /// The time that the service itself takes before it reads does not count.
    first_read: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let first_read = *self.first_read.get_or_insert_with(Instant::now);
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(item) => {
                if let Some(Ok(chunk)) = &item {
                    self.received = self.received.saturating_add(chunk.len() as u64);
                }
                Poll::Ready(item)
            }
            Poll::Pending => {
                let due = first_read + allowance(self.received);
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

/// How long a body may take of which so many bytes have arrived.
fn allowance(received: u64) -> Duration {
    GRACE
        .saturating_add(Duration::from_millis(received.saturating_mul(1000) / MIN_BYTES_PER_SECOND))
}

struct Timed(Rc<RefCell<Incoming>>);

impl Stream for Timed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(context)
    }
}

/// A response that keeps the body of its request until it is sent. actix-http reads a chunked body
/// that was dropped to its end, however long that takes; one that is still there and incomplete
/// makes it close the connection after the response.
struct WithRequestBody {
    response: BoxBody,
    _request: Rc<RefCell<Incoming>>,
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

/// See the module. The outermost middleware, so that the body of every response passes here last.
///
/// # Errors
/// Those of `next`.
pub async fn bound<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let incoming =
        Rc::new(RefCell::new(Incoming { payload, received: 0, first_read: None, timer: None }));
    let timed: Pin<Box<dyn Stream<Item = _>>> = Box::pin(Timed(incoming.clone()));
    request.set_payload(timed.into());
    let keep = |response: BoxBody| BoxBody::new(WithRequestBody { response, _request: incoming });
    match next.call(request).await {
        Ok(response) => Ok(response.map_body(|_, body| EitherBody::right(keep(body.boxed())))),
        Err(error) => {
            let response = error.error_response().map_body(|_, body| keep(body));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

#[cfg(test)]
mod tests;
