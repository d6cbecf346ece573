//! A budget of lookups of API keys that do not exist, per address. A lookup takes a hit before it
//! asks, and returns it when the key turns out to exist; so a client that invents keys costs a
//! bounded number of statements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::rate_limit::client_ip::Client;
use crate::rate_limit::sliding_window::{Quota, Wait};
use crate::rate_limit::window_store::Shield;

/// The budgets of all addresses.
#[derive(Debug)]
pub(super) struct UnknownKeys {
    hits: Shield<Client>,
    /// Lookups under way.
    running: Mutex<HashMap<Client, usize>>,
    settled: Notify,
}

impl UnknownKeys {
    pub(super) fn new(quota: Quota) -> Self {
        Self { hits: Shield::new(quota), running: Mutex::default(), settled: Notify::new() }
    }

    /// Takes a hit. While other lookups of this address are under way, which may return theirs, it
    /// waits for them: many valid keys that come at once behind one address are all let through.
    pub(super) async fn reserve(&self, client: Client, now: i64) -> Result<Lookup<'_>, Wait> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            // Before the hit is tried, so that nothing that settles afterwards is missed.
            settled.as_mut().enable();
            if let Some(reserved) = self.try_reserve(client, now) {
                return reserved;
            }
            settled.await;
        }
    }

    /// Nothing if it is to be tried again when a lookup has settled.
    fn try_reserve(&self, client: Client, now: i64) -> Option<Result<Lookup<'_>, Wait>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match self.hits.reserve(client, now) {
            Ok(_) => {
                let count = running.entry(client).or_default();
                *count = count.saturating_add(1);
                Some(Ok(Lookup { keys: self, client, at: now, returns: false }))
            }
            Err(_) if running.contains_key(&client) => None,
            Err(wait) => Some(Err(wait)),
        }
    }
}

/// A lookup that has taken a hit; keeps it unless it is told otherwise before it is dropped.
#[derive(Debug)]
pub struct Lookup<'a> {
    keys: &'a UnknownKeys,
    client: Client,
    at: i64,
    returns: bool,
}

impl Lookup<'_> {
    /// Returns the hit.
    pub fn give_back(mut self) {
        self.returns = true;
    }
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        let mut running = self.keys.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                running.remove(&self.client);
            }
        }
        if self.returns {
            self.keys.hits.release(self.client, self.at);
        }
        drop(running);
        self.keys.settled.notify_waiters();
    }
}
