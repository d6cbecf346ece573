//! A cache of lookups in `known_addresses`: which accounts were lately used from which addresses.
//! An entry only decides whether an attempt may go on to the lookup; the database decides the rest.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::pseudonym::pseudonym;
use crate::cache::two_generations::TwoGenerations;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::storage::users::User;

const MAX_ENTRIES: usize = 20_000;
/// Lifetime of a negative entry in milliseconds: another process may have seen the account at the
/// address since.
const NEGATIVE: i64 = 60_000;

/// The entries, by pseudonym of a user name, e-mail address or user id, and by address.
#[derive(Debug)]
pub(super) struct KnownAddressCache(Mutex<KnownEntries>);

/// Two maps, so that a flood of unknown names evicts no known address.
#[derive(Debug)]
struct KnownEntries {
    known: TwoGenerations<(String, ClientPrefix), Uuid>,
    /// When a lookup did not find the address, in milliseconds since 1970.
    unknown: TwoGenerations<(String, ClientPrefix), i64>,
}

/// How the cache answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressLookup {
    Known(Uuid),
    Unknown,
    Miss,
}

impl Default for KnownAddressCache {
    fn default() -> Self {
        let (known, unknown) =
            (TwoGenerations::new(MAX_ENTRIES, |_| 1), TwoGenerations::new(MAX_ENTRIES, |_| 1));
        Self(Mutex::new(KnownEntries { known, unknown }))
    }
}

impl KnownAddressCache {
    /// Looks up a name, given as its pseudonym.
    pub(super) fn get(&self, name: &str, client: ClientPrefix, now: i64) -> AddressLookup {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), client);
        if let Some(user_id) = entries.known.get(&key).copied() {
            entries.known.promote(&key);
            return AddressLookup::Known(user_id);
        }
        match entries.unknown.get(&key) {
            Some(at) if now < at.saturating_add(NEGATIVE) => AddressLookup::Unknown,
            _ => AddressLookup::Miss,
        }
    }

    /// Inserts an account under each of its names.
    pub(super) fn insert(&self, user: &User, client: ClientPrefix) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in [&user.username, &user.email, &user.user_id.to_string()] {
            entries.known.insert((pseudonym(name), client), user.user_id);
        }
    }

    /// Inserts a name whose account was not lately used from the address, or does not exist.
    pub(super) fn insert_unknown(&self, name: &str, client: ClientPrefix, now: i64) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.unknown.insert((name.to_owned(), client), now);
    }
}
