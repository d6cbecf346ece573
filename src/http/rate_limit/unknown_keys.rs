//! A budget of lookups of unknown API keys, per address. A lookup takes a hit before its statement
//! and releases it if the key exists, so that a client that invents keys costs a bounded number of
//! statements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::sliding_window::{Quota, Wait};
use crate::rate_limit::window_store::WindowStore;

/// The windows of all addresses.
#[derive(Debug)]
pub(super) struct UnknownKeys {
    hits: WindowStore<ClientPrefix>,
    /// Lookups in progress, by address.
    running: Mutex<HashMap<ClientPrefix, usize>>,
    settled: Notify,
}

impl UnknownKeys {
    pub(super) fn new(quota: Quota) -> Self {
        Self { hits: WindowStore::new(quota), running: Mutex::default(), settled: Notify::new() }
    }

    /// Takes a hit. While other lookups of this address are in progress, which may release theirs,
    /// it waits for them: many valid keys that arrive at once from one address are all accepted.
    ///
    /// # Errors
    /// [`Wait`] if no hit is left.
    pub(super) async fn reserve(
        &self,
        client: ClientPrefix,
        now: i64,
    ) -> Result<LookupReservation<'_>, Wait> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            // Enabled before the attempt, so that no lookup that ends after it is missed.
            settled.as_mut().enable();
            if let Some(reserved) = self.try_reserve(client, now) {
                return reserved;
            }
            settled.await;
        }
    }

    /// Tries to take a hit; none if it must be tried again when another lookup has ended.
    fn try_reserve(
        &self,
        client: ClientPrefix,
        now: i64,
    ) -> Option<Result<LookupReservation<'_>, Wait>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match self.hits.reserve(client, now) {
            Ok(_) => {
                let count = running.entry(client).or_default();
                *count = count.saturating_add(1);
                Some(Ok(LookupReservation { keys: self, client, at: now, is_released: false }))
            }
            Err(_) if running.contains_key(&client) => None,
            Err(wait) => Some(Err(wait)),
        }
    }
}

/// A lookup that has taken a hit. The hit stays taken unless it is released before the drop.
#[derive(Debug)]
pub struct LookupReservation<'a> {
    keys: &'a UnknownKeys,
    client: ClientPrefix,
    at: i64,
    is_released: bool,
}

impl LookupReservation<'_> {
    /// Releases the hit, because the key exists or could not be looked up.
    pub fn release(mut self) {
        self.is_released = true;
    }
}

impl Drop for LookupReservation<'_> {
    fn drop(&mut self) {
        let mut running = self.keys.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                running.remove(&self.client);
            }
        }
        if self.is_released {
            self.keys.hits.release(self.client, self.at);
        }
        drop(running);
        self.keys.settled.notify_waiters();
    }
}
