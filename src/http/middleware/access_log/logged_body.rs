//! Writes the access log entry of a response. The size of a compressed body is known when it has
//! been sent, so its entry is written then; that of another body at once.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use slog::Logger;

use super::entry::{AccessLogEntry, LoggedResponse};

/// A body of unknown size, whose entry is written when it ends or its client disconnects.
struct LoggedBody {
    body: BoxBody,
    bytes: u64,
    entry: AccessLogEntry,
    response: LoggedResponse,
    logger: Logger,
}

/// Writes the entry of a response with this body, now or when the body ends.
pub(super) fn log_response(
    body: BoxBody,
    entry: AccessLogEntry,
    response: LoggedResponse,
    logger: &Logger,
) -> BoxBody {
    let bytes = match body.size() {
        _ if entry.is_head() => 0,
        BodySize::None => 0,
        BodySize::Sized(bytes) => bytes,
        BodySize::Stream => {
            let logger = logger.clone();
            return BoxBody::new(LoggedBody { body, bytes: 0, entry, response, logger });
        }
    };
    entry.write(logger, &response, bytes);
    body
}

impl MessageBody for LoggedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.body).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            this.bytes = this.bytes.saturating_add(chunk.len() as u64);
        }
        next
    }
}

impl Drop for LoggedBody {
    fn drop(&mut self) {
        self.entry.write(&self.logger, &self.response, self.bytes);
    }
}
