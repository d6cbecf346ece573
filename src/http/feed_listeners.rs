//! The clients that listen to changes of the catalogue as server-sent events, and what wakes them:
//! an epoch of the catalogue, a change of permissions, the end of the service. They are
//! bounded, all of them and those of one client. The stream itself is `routes::changes::stream`.

use tokio::sync::watch;

use super::client_places::{ClientPlace, ClientPlaces, PlaceHolder};
use crate::bulkhead::BulkheadError;

/// Streams of one client.
const PER_CLIENT: usize = 4;

/// Admits and wakes the listeners.
#[derive(Debug)]
pub struct FeedListeners {
    places: ClientPlaces,
    signal: watch::Sender<FeedSignal>,
}

/// What listeners are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedSignal {
    /// The epoch of the catalogue that was announced last.
    pub epoch: i64,
    /// Grows with each announced change of permissions.
    authority: u64,
    /// Whether the service stops.
    pub stopped: bool,
}

/// A place among the listeners, until it is dropped.
#[derive(Debug)]
pub struct FeedListener {
    pub signal: watch::Receiver<FeedSignal>,
    _place: ClientPlace,
}

impl FeedListeners {
    /// Admits so many listeners.
    pub fn new(number: usize) -> Self {
        Self { places: ClientPlaces::new(number, PER_CLIENT), signal: watch::Sender::default() }
    }

    /// Admits a listener.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] if there are too many, of all clients or of this one, and while the
    /// service stops.
    pub async fn admit(&self, client: PlaceHolder) -> Result<FeedListener, BulkheadError> {
        let signal = self.signal.subscribe();
        if signal.borrow().stopped {
            return Err(BulkheadError::Full);
        }
        Ok(FeedListener { signal, _place: self.places.acquire(client).await? })
    }

    /// Wakes the listeners if this is another epoch of the catalogue than the last one.
    pub fn announce_epoch(&self, epoch: i64) {
        self.signal.send_if_modified(|signal| {
            let is_new = signal.epoch != epoch;
            signal.epoch = epoch;
            is_new
        });
    }

    /// Wakes the listeners to check their permissions.
    pub fn announce_authority(&self) {
        self.signal.send_modify(|signal| signal.authority = signal.authority.wrapping_add(1));
    }

    /// Ends all streams, and admits no further ones.
    pub fn stop(&self) {
        self.signal.send_modify(|signal| signal.stopped = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: PlaceHolder = PlaceHolder::Anonymous(None);

    #[tokio::test]
    async fn listeners_are_woken_by_new_epochs_permissions_and_the_end() {
        let listeners = FeedListeners::new(2);
        let mut listener = listeners.admit(CLIENT).await.expect("free");
        let mut woken = || {
            let woken = listener.signal.has_changed().unwrap();
            listener.signal.mark_unchanged();
            woken
        };
        assert!(!woken());
        listeners.announce_epoch(7);
        assert!(woken());
        listeners.announce_epoch(7);
        assert!(!woken(), "polled again");
        listeners.announce_epoch(3);
        assert!(woken(), "restored");
        listeners.announce_authority();
        assert!(woken());
        listeners.stop();
        assert!(woken());
        assert!(listeners.admit(CLIENT).await.is_err(), "stopped");
    }

    #[tokio::test]
    async fn one_client_has_four_places() {
        let listeners = FeedListeners::new(64);
        let mut held = Vec::new();
        for _ in 0..PER_CLIENT {
            held.push(listeners.admit(CLIENT).await.expect("free"));
        }
        assert!(listeners.admit(CLIENT).await.is_err());
        held.pop();
        listeners.admit(CLIENT).await.expect("free again");
    }
}
