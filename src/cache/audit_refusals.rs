//! Counts of refused requests, for the audit log: one row for each kind of refusal in an interval,
//! however many there are. Bounded, so that a flood fills neither memory nor the table. The first
//! refusal of a kind is due at once, the following ones at the end of the interval.
//! `http::auditing` records refusals, `app::service::audit_tasks` writes them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::audit::{Action, CredentialKind};

/// Maximum number of keys in an interval. Further refusals are counted by action and reason only.
const MAX_KEYS: usize = 64;
/// Maximum number of keys of one address. Further refusals are counted without actor, credential
/// and target.
const MAX_KEYS_OF_ADDRESS: usize = 8;

/// What refusals have in common that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefusalKey {
    pub action: Action,
    /// An error code or the name of a rate limit; from a closed set.
    pub reason: &'static str,
    /// Client IP, IPv6 by /64; none where addresses are counted together.
    pub address: Option<String>,
    /// Id and name of the user whose request was refused, if known.
    pub actor: Option<(Uuid, String)>,
    pub credential: Option<(CredentialKind, Uuid)>,
    /// The account that was tried: its id, if it exists, and its name or pseudonym.
    pub target: Option<(Option<Uuid>, String)>,
}

/// One of the refused requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// Sent by the client or made by the server.
    pub request_id: String,
    /// Always made by the server.
    pub server_request_id: Uuid,
    /// The trace of the request, if its client sent one.
    pub trace_id: Option<Uuid>,
    /// Method and pattern of the route, if it matched one.
    pub route: Option<String>,
}

/// The refusals of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalCount {
    pub key: RefusalKey,
    pub count: u64,
    /// Time of the first refusal.
    pub first: DateTime<Utc>,
    /// Time of the last refusal.
    pub last: DateTime<Utc>,
    /// The last refused request.
    pub sample: RefusedRequest,
}

/// Counts of refusals that are not yet in the audit log.
#[derive(Debug, Default)]
pub struct RefusalCounts(Mutex<Interval>);

#[derive(Debug, Default)]
struct Interval {
    /// The keys seen in this interval; without a count where all refusals were taken.
    counts: HashMap<RefusalKey, Option<RefusalCount>>,
    /// The first refusals of new keys, due at once.
    new: Vec<RefusalCount>,
}

impl RefusalCounts {
    /// Counts a refusal. Returns whether it is due at once, because its key is new.
    pub fn record(&self, key: RefusalKey, sample: RefusedRequest, now: DateTime<Utc>) -> bool {
        self.lock().add(RefusalCount { key, count: 1, first: now, last: now, sample })
    }

    /// Takes the first refusals of new keys.
    pub fn take_new(&self) -> Vec<RefusalCount> {
        std::mem::take(&mut self.lock().new)
    }

    /// Takes all counts and ends the interval. A key without a refusal in it is new when it occurs
    /// again.
    pub fn take_all(&self) -> Vec<RefusalCount> {
        let mut interval = self.lock();
        let mut all = std::mem::take(&mut interval.new);
        interval.counts.retain(|_, count| count.is_some());
        all.extend(interval.counts.values_mut().filter_map(Option::take));
        all
    }

    /// Adds counts again that could not be written.
    pub fn put_back(&self, counts: Vec<RefusalCount>) {
        let mut interval = self.lock();
        for count in counts {
            // The key is entered first, so that the count is not due at once again.
            let key = interval.bounded(&count.key);
            interval.counts.entry(key).or_default();
            interval.add(count);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Interval> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interval {
    fn add(&mut self, added: RefusalCount) -> bool {
        let key = self.bounded(&added.key);
        let added = RefusalCount { key: key.clone(), ..added };
        let Some(present) = self.counts.get_mut(&key) else {
            self.counts.insert(key, None);
            self.new.push(added);
            return true;
        };
        match present {
            None => *present = Some(added),
            Some(present) => {
                present.count = present.count.saturating_add(added.count);
                present.first = present.first.min(added.first);
                present.last = present.last.max(added.last);
                present.sample = added.sample;
            }
        }
        false
    }

    /// Returns the key that a refusal is counted under, with fewer parts when there are too many.
    fn bounded(&self, key: &RefusalKey) -> RefusalKey {
        if self.counts.contains_key(key) {
            return key.clone();
        }
        let of_address = self.counts.keys().filter(|known| known.address == key.address).count();
        let key = if of_address < MAX_KEYS_OF_ADDRESS {
            key.clone()
        } else {
            RefusalKey { actor: None, credential: None, target: None, ..key.clone() }
        };
        if self.counts.len() < MAX_KEYS || self.counts.contains_key(&key) {
            return key;
        }
        // At most as many as there are pairs of action and reason.
        RefusalKey { address: None, actor: None, credential: None, target: None, ..key }
    }
}

#[cfg(test)]
mod tests;
