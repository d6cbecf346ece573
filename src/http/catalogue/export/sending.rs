//! Sends a spool piece by piece. A client that reads more slowly than a body has to arrive (see
//! `middleware::bodies`) loses the rest: its place and the spool are released even if the server
//! asks for no further piece, because what was written before is still not read.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use actix_web::web::Bytes;
use futures_util::Stream;
use tempfile::SpooledTempFile;
use tokio::time::{Duration, Instant};

use crate::http::client_places::ClientPlace;

/// Size in bytes of the pieces in which the spool is sent.
const PIECE: usize = 64 * 1024;
/// How fast a client has to read.
const PACE: SendingPace =
    SendingPace { pause: Duration::from_secs(10), per_piece: Duration::from_secs(1) };

/// How fast a client has to read.
#[derive(Clone, Copy, Debug)]
struct SendingPace {
    /// Time for a client to begin, and the longest time between two pieces.
    pause: Duration,
    /// Time that each piece adds.
    per_piece: Duration,
}

/// What is left to send.
#[derive(Debug)]
struct Rest {
    /// None while a piece is read, and after the deadline.
    spool: Option<SpooledTempFile>,
    /// None after the deadline.
    place: Option<ClientPlace>,
    /// The deadline by the minimum rate.
    by_rate: Instant,
    /// The deadline by the longest pause.
    by_pause: Instant,
}

impl Rest {
    fn deadline(&self) -> Instant {
        self.by_rate.min(self.by_pause)
    }

    fn release(&mut self) {
        (self.spool, self.place) = (None, None);
    }
}

/// Returns the body of a response; holds `place` until it is sent, or is sent too slowly.
pub(super) fn pieces(
    spool: SpooledTempFile,
    place: ClientPlace,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    pieces_at(PACE, spool, place)
}

fn pieces_at(
    limits: SendingPace,
    spool: SpooledTempFile,
    place: ClientPlace,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    let now = Instant::now();
    let (spool, place) = (Some(spool), Some(place));
    let rest = Rest { spool, place, by_rate: now + limits.pause, by_pause: now + limits.pause };
    let rest = Arc::new(Mutex::new(rest));
    tokio::spawn(release_when_late(Arc::downgrade(&rest)));
    futures_util::stream::try_unfold(rest, move |rest| async move {
        let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the client reads slowly");
        let mut spool = lock(&rest).spool.take().ok_or_else(late)?;
        // Reading may block.
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            Read::take(&mut spool, PIECE as u64).read_to_end(&mut piece)?;
            Ok::<_, std::io::Error>((piece, spool))
        });
        let (piece, spool) = read.await.map_err(std::io::Error::other)??;
        {
            let mut rest = lock(&rest);
            if rest.place.is_none() {
                return Err(late());
            }
            rest.spool = Some(spool);
            rest.by_rate += limits.per_piece;
            rest.by_pause = Instant::now() + limits.pause;
        }
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), rest)))
    })
}

/// Releases what is left at its deadline, or ends when the body is dropped.
async fn release_when_late(rest: Weak<Mutex<Rest>>) {
    while let Some(deadline) = rest.upgrade().map(|rest| lock(&rest).deadline()) {
        if deadline > Instant::now() {
            tokio::time::sleep_until(deadline).await;
        } else if let Some(rest) = rest.upgrade() {
            return lock(&rest).release();
        }
    }
}

fn lock(rest: &Mutex<Rest>) -> std::sync::MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use futures_util::StreamExt;

    use super::*;
    use crate::http::client_places::{ClientPlaces, PlaceHolder};

    const CLIENT: PlaceHolder = PlaceHolder::Anonymous(None);

    async fn body(
        limits: SendingPace,
        places: &ClientPlaces,
        count: usize,
    ) -> impl Stream<Item = std::io::Result<Bytes>> {
        let place = places.acquire(CLIENT).await.expect("free");
        let mut spool = SpooledTempFile::new(usize::MAX);
        spool.write_all(&vec![b'x'; count * PIECE]).unwrap();
        spool.rewind().unwrap();
        pieces_at(limits, spool, place)
    }

    #[tokio::test]
    async fn place_of_a_client_that_stops_reading_is_released() {
        let places = ClientPlaces::new(1, 1);
        let limits = SendingPace { pause: Duration::from_millis(300), ..PACE };
        let mut body = Box::pin(body(limits, &places, 3).await);
        assert_eq!(body.next().await.unwrap().unwrap().len(), PIECE);
        while places.acquire(CLIENT).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(body.next().await.unwrap().is_err(), "the document is cut off");
    }

    #[tokio::test]
    async fn client_below_the_minimum_rate_is_cut_off() {
        let places = ClientPlaces::new(1, 1);
        let limits = SendingPace { pause: Duration::from_secs(1), per_piece: Duration::ZERO };
        let mut body = Box::pin(body(limits, &places, 200).await);
        let mut received = 0;
        while let Some(Ok(_)) = body.next().await {
            received += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(received < 200, "it was never silent, and too slow");
        places.acquire(CLIENT).await.expect("released");
    }

    #[tokio::test]
    async fn whole_spool_is_sent_and_its_place_released() {
        let places = ClientPlaces::new(1, 1);
        let mut body = Box::pin(body(PACE, &places, 30).await);
        let mut received = 0;
        while let Some(piece) = body.next().await {
            received += piece.unwrap().len();
        }
        assert_eq!(received, 30 * PIECE);
        drop(body);
        places.acquire(CLIENT).await.expect("released");
    }
}
