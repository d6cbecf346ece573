//! The body of a stream of changes. It is asked for its next piece when the one before is sent, so
//! it holds one part of the feed at a time; a client that does not read is disconnected as any
//! other (`http::connections::pace`).
//!
//! The stream reads when the catalogue has a new epoch (`http::feed_listeners`), and with each
//! heartbeat. Before each piece, and every few seconds, it authenticates its request again. While
//! the database is unavailable, it goes on with heartbeats, and with the changes afterwards.

use std::convert::Infallible;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, web};
use futures_util::Stream;
use tokio::time::{Duration, Instant, sleep_until};

use super::events;
use super::part::read;
use crate::actors::db_breaker::DbError;
use crate::http::app_data::{AccessPolicy, CatalogueServices};
use crate::http::extract::caller::{Area, Everything};
use crate::http::feed_listeners::FeedListener;
use crate::http::middleware::authenticate::reauthenticate;
use crate::http::request::context::RequestContext;
use crate::model::changes::{ChangesQuery, FeedStart};
use crate::storage::StorageError;
use crate::storage::catalogue_changes::FeedPart;
use crate::telemetry::error_chain;

/// Time between two heartbeats; many proxies close a connection after 30 or 60 s of silence.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often permissions are checked even if nothing is announced: their expiry is not.
const CHECK: Duration = Duration::from_secs(5);

/// A stream of changes.
pub(super) struct ChangeStream {
    services: Data<CatalogueServices>,
    request: HttpRequest,
    listener: FeedListener,
    /// Whether the request has a credential.
    has_caller: bool,
    /// Where to go on.
    start: FeedStart,
    limit: i64,
    /// What was read before the response began.
    first: Option<FeedPart>,
    /// The epoch of the catalogue before it was read last; none if it has to be read again.
    read_at: Option<i64>,
    heartbeat_at: Instant,
}

/// The stream ends.
struct Ended;

impl ChangeStream {
    /// Creates a stream that begins with the part that was read.
    pub(super) fn new(
        services: &Data<CatalogueServices>,
        request: &HttpRequest,
        listener: FeedListener,
        has_caller: bool,
        (query, first): (ChangesQuery, FeedPart),
    ) -> Self {
        Self {
            services: services.clone(),
            request: request.clone(),
            listener,
            has_caller,
            start: query.since,
            limit: query.limit,
            first: Some(first),
            read_at: None,
            heartbeat_at: Instant::now() + HEARTBEAT,
        }
    }

    /// Returns the body.
    pub(super) fn into_bytes(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        Box::pin(futures_util::stream::unfold(self, |mut stream| async move {
            let piece = stream.next().await.ok()?;
            Some((Ok(Bytes::from(piece)), stream))
        }))
    }

    /// Waits for the next piece.
    async fn next(&mut self) -> Result<String, Ended> {
        loop {
            let signal = *self.listener.signal.borrow_and_update();
            if signal.stopped {
                return Err(Ended);
            }
            let is_due = Instant::now() >= self.heartbeat_at;
            let mut text = String::new();
            if let Some(first) = self.first.take() {
                let start = match self.start {
                    FeedStart::After(cursor) => cursor,
                    FeedStart::End => first.next,
                };
                text = events::prelude(start);
                self.append(&mut text, first)?;
            } else if is_due || self.read_at != Some(signal.epoch) {
                match read(&self.services, self.start, self.limit).await {
                    Ok(part) => {
                        self.read_at = (!part.has_more).then_some(signal.epoch);
                        self.append(&mut text, part)?;
                    }
                    // The next heartbeat tries again.
                    Err(error) if is_temporary(&error) => self.read_at = Some(signal.epoch),
                    // A restored backup has lost the place.
                    Err(DbError::Storage(StorageError::Invalid(_))) => return Err(Ended),
                    Err(error) => return Err(self.fail(&error)),
                }
            }
            if text.is_empty() && is_due {
                text.push_str(events::HEARTBEAT);
            }
            self.ensure_allowed().await?;
            if !text.is_empty() {
                self.heartbeat_at = Instant::now() + HEARTBEAT;
                return Ok(text);
            }
            let until = self.heartbeat_at.min(Instant::now() + CHECK);
            tokio::select! {
                changed = self.listener.signal.changed() => changed.map_err(|_| Ended)?,
                () = sleep_until(until) => {}
            }
        }
    }

    fn append(&mut self, text: &mut String, part: FeedPart) -> Result<(), Ended> {
        for change in &part.changes {
            events::append(text, change).map_err(|error| self.fail(&error))?;
        }
        self.start = FeedStart::After(part.next);
        Ok(())
    }

    /// Ends the stream if its caller may not read the catalogue any more, or if that cannot be
    /// found out.
    async fn ensure_allowed(&self) -> Result<(), Ended> {
        if !self.has_caller {
            return Ok(());
        }
        let caller = reauthenticate(&self.request).await.map_err(|_| Ended)?;
        let policy = self.request.app_data::<web::Data<AccessPolicy>>();
        if policy.is_some_and(|policy| policy.anonymous_read) {
            return Ok(());
        }
        caller.require(Everything::READ).map_err(|_| Ended)
    }

    fn fail(&self, error: &(dyn std::error::Error + 'static)) -> Ended {
        if let Some(logger) = RequestContext::logger(&self.request) {
            slog::error!(logger, "stream of changes failed"; "error" => error_chain(error));
        }
        Ended
    }
}

/// Whether a read may succeed later.
fn is_temporary(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Unavailable { .. } | DbError::Overloaded { .. } | DbError::Failed { .. }
    )
}
