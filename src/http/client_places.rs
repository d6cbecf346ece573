//! The places for responses that take long: exports, and streams of changes. They are few, and no
//! client has more than a small share of them, so that clients that read slowly do not deny them to
//! the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::bulkhead::{Bulkhead, BulkheadError, BulkheadPermit};
use crate::rate_limit::client_ip::ClientPrefix;

/// Who holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaceHolder {
    /// The user of a credential, whose keys count together.
    User(Uuid),
    /// An anonymous client; none if its address is not known.
    Anonymous(Option<ClientPrefix>),
}

/// The places for one kind of response.
#[derive(Debug)]
pub struct ClientPlaces {
    all: Bulkhead,
    /// Places that one client may hold at a time.
    share: usize,
    held: Arc<Mutex<HashMap<PlaceHolder, usize>>>,
}

/// A place of a client, until it is dropped.
#[derive(Debug)]
pub struct ClientPlace {
    _permit: BulkheadPermit,
    _share: HeldPlace,
}

/// A place as the client's count knows it.
#[derive(Debug)]
struct HeldPlace {
    client: PlaceHolder,
    held: Arc<Mutex<HashMap<PlaceHolder, usize>>>,
}

impl ClientPlaces {
    /// Creates so many places, of which one client may hold `share` at a time.
    pub fn new(number: usize, share: usize) -> Self {
        Self { all: Bulkhead::new(number, 0), share, held: Arc::default() }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] if all are taken, or this client's share.
    pub async fn acquire(&self, client: PlaceHolder) -> Result<ClientPlace, BulkheadError> {
        let share = HeldPlace::take(client, self.share, &self.held).ok_or(BulkheadError::Full)?;
        Ok(ClientPlace { _permit: self.all.acquire().await?, _share: share })
    }
}

impl HeldPlace {
    fn take(
        client: PlaceHolder,
        share: usize,
        held: &Arc<Mutex<HashMap<PlaceHolder, usize>>>,
    ) -> Option<Self> {
        let mut counts = held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if *count >= share {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Self { client, held: Arc::clone(held) })
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        let mut counts = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_client_holds_two_places_and_all_clients_no_more_than_there_are() {
        let places = ClientPlaces::new(3, 2);
        let (first, second) = (PlaceHolder::User(Uuid::from_u128(1)), PlaceHolder::Anonymous(None));
        let held = places.acquire(first).await.expect("free");
        let _further = places.acquire(first).await.expect("free");
        assert!(places.acquire(first).await.is_err(), "the third one of a client");
        let _other = places.acquire(second).await.expect("free");
        assert!(places.acquire(second).await.is_err(), "the fourth one");
        drop(held);
        drop(places.acquire(second).await.expect("free again"));
        drop(places.acquire(first).await.expect("free again"));
        assert_eq!(places.held.lock().unwrap().len(), 2);
    }
}
