//! The places for exports that are being read or sent. They are few, and no client has more than
//! two of them, so that clients that read slowly do not deny exports to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::bulkhead::{Bulkhead, BulkheadError, BulkheadPermit};
use crate::rate_limit::client_ip::ClientPrefix;

/// Places that one client may hold at a time.
const PER_CLIENT: usize = 2;

/// Who holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportClient {
    /// The user of a credential, whose keys count together.
    User(Uuid),
    /// An anonymous client; none if its address is not known.
    Anonymous(Option<ClientPrefix>),
}

/// The places for exports.
#[derive(Debug)]
pub struct ExportPlaces {
    all: Bulkhead,
    held: Arc<Mutex<HashMap<ExportClient, usize>>>,
}

/// A place for an export, until it is dropped.
#[derive(Debug)]
pub struct ExportPlace {
    _permit: BulkheadPermit,
    _share: HeldPlace,
}

/// A place as the client's count knows it.
#[derive(Debug)]
struct HeldPlace {
    client: ExportClient,
    held: Arc<Mutex<HashMap<ExportClient, usize>>>,
}

impl ExportPlaces {
    /// Creates so many places.
    pub fn new(number: usize) -> Self {
        Self { all: Bulkhead::new(number, 0), held: Arc::default() }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] if all are taken, or two by this client.
    pub async fn acquire(&self, client: ExportClient) -> Result<ExportPlace, BulkheadError> {
        let share = HeldPlace::take(client, &self.held).ok_or(BulkheadError::Full)?;
        Ok(ExportPlace { _permit: self.all.acquire().await?, _share: share })
    }
}

impl HeldPlace {
    fn take(client: ExportClient, held: &Arc<Mutex<HashMap<ExportClient, usize>>>) -> Option<Self> {
        let mut counts = held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if *count >= PER_CLIENT {
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
        let places = ExportPlaces::new(3);
        let (first, second) =
            (ExportClient::User(Uuid::from_u128(1)), ExportClient::Anonymous(None));
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
