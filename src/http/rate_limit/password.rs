//! Failed attempts at a password (log-in, `change-password`) count by address, by account, and by
//! both.
//!
//! The hit of the address is taken in memory before the lookup, so that a refused attempt costs no
//! statement. An address from which the account was lately used is decided by the third bucket
//! alone: strangers cannot lock the owner out. A name that does not exist is an account of its own
//! and takes the same way, with the same statements.

use std::sync::{Mutex, PoisonError};

use actix_web::HttpResponse;
use uuid::Uuid;

use crate::cache::two_generations::Generations;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::Limits;
use crate::http::rate_limit::guard::{Hit, Limiter, pseudonym};
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;
use crate::storage::known_addresses::Candidate;
use crate::storage::rate_limits::Bucket;
use crate::storage::users::User;

/// The most names and addresses that are cached.
const CACHED: usize = 20_000;

/// Which accounts were lately used from which addresses, as far as this process has seen it. A hit
/// only lets an attempt through to the lookup; the database decides.
#[derive(Debug)]
pub(super) struct KnownAddresses(Mutex<Generations<(String, Client), Uuid>>);

impl Default for KnownAddresses {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(CACHED, |_| 1)))
    }
}

impl KnownAddresses {
    fn get(&self, name: &str, client: Client) -> Option<Uuid> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(name.to_owned(), client))
            .copied()
    }

    /// Inserts an account under each of its names.
    fn insert(&self, user: &User, client: Client) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in [&user.username, &user.email, &user.user_id.to_string()] {
            cached.insert((pseudonym(name), client), user.user_id);
        }
    }

    fn remove(&self, name: &str, client: Client) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(name.to_owned(), client));
    }
}

impl Limits {
    fn address_bucket(&self, client: Client) -> Bucket {
        let subject = format!("{} address {client}", Policy::Auth.as_ref());
        Bucket { subject, quota: self.quotas.auth, decides: true }
    }

    fn account_bucket(&self, account: &str) -> Bucket {
        let subject = format!("{} account {account}", Policy::Auth.as_ref());
        Bucket { subject, quota: self.quotas.auth_account(), decides: true }
    }

    fn both_bucket(&self, account: &str, client: Client) -> Bucket {
        let subject = format!("{} account {account} address {client}", Policy::Auth.as_ref());
        Bucket { subject, quota: self.quotas.auth, decides: true }
    }
}

/// Whether an attempt counts: what succeeds, what is no attempt at all and what is our own fault do
/// not.
pub fn failed(outcome: &Result<HttpResponse, ApiError>) -> bool {
    use ApiError::{Authentication, Authorization, Conflict, WrongPassword};
    matches!(outcome, Err(Authentication(_) | Authorization(_) | Conflict(_) | WrongPassword))
}

/// What is known of an attempt before the lookup.
struct Attempt<'a> {
    limiter: &'a Limiter,
    state: &'a AppState,
    /// The pseudonym of the name that was sent.
    name: String,
    hit: Hit,
    /// The address's bucket has no room: only the owner of an account that is known here may go on.
    crowded: Option<Wait>,
    /// The account as the cache knows it; then its hit of both is taken already.
    cached: Option<Uuid>,
}

impl Limiter {
    /// The client as `known_addresses` stores it.
    pub fn place(&self) -> String {
        self.client.to_string()
    }

    /// Lets later attempts of this user from here through to the lookup even if others have used
    /// the address's hits up.
    pub fn insert_known(&self, state: &AppState, user: &User) {
        state.limits.known_addresses.insert(user, self.client);
    }

    /// Takes a hit before the lookup of an account and its password's check, and keeps it if that
    /// fails. Success returns it and clears the failures of this account from this address; those
    /// of the account and of the address stay.
    ///
    /// # Errors
    /// Those of `lookup` and `check`; [`ApiError::RateLimited`]; [`ApiError::Unavailable`] if it
    /// cannot be counted.
    pub async fn guard_password(
        &self,
        name: &str,
        lookup: impl AsyncFnOnce(&str) -> Result<Option<Candidate>, ApiError>,
        check: impl AsyncFnOnce(Option<Candidate>) -> Result<HttpResponse, ApiError>,
    ) -> Result<HttpResponse, ApiError> {
        let state = self.state()?;
        let place = self.place();
        if !state.limits.enabled {
            return check(lookup(&place).await?).await;
        }
        let attempt = self.attempt(&state, name)?;
        let found = match lookup(&place).await {
            Ok(found) => found,
            Err(error) => {
                attempt.hit.forget_here(&state.limits);
                return Err(error);
            }
        };
        let (hit, both) = attempt.count(found.as_ref()).await?;
        let outcome = check(found).await;
        match &outcome {
            Ok(_) => hit.give_back(&state, vec![both]).await,
            failure if failed(failure) => {}
            Err(_) => hit.give_back(&state, Vec::new()).await,
        }
        outcome
    }

    /// Takes the hits that can be taken without a statement.
    fn attempt<'a>(&'a self, state: &'a AppState, name: &str) -> Result<Attempt<'a>, ApiError> {
        let (limits, name) = (&state.limits, pseudonym(name));
        let mut hit = Hit::new(Policy::Auth, state.clock.now().timestamp_millis());
        let address = limits.address_bucket(self.client);
        let crowded = hit.take_here(limits, &address).err();
        let cached = limits.known_addresses.get(&name, self.client);
        match (cached, crowded) {
            (None, Some(wait)) => {
                return Err(self.refuse(state, &hit, &address, Some(&name), wait));
            }
            (None, None) => {}
            (Some(user_id), _) => {
                let account = pseudonym(&user_id.to_string());
                let both = limits.both_bucket(&account, self.client);
                if let Err(wait) = hit.take_here(limits, &both) {
                    hit.forget_here(limits);
                    return Err(self.refuse(state, &hit, &both, Some(&account), wait));
                }
            }
        }
        Ok(Attempt { limiter: self, state, name, hit, crowded, cached })
    }
}

impl Attempt<'_> {
    /// Takes the hits of the account, here and in the database. Returns them with the subject of
    /// both.
    async fn count(mut self, found: Option<&Candidate>) -> Result<(Hit, String), ApiError> {
        let (limits, client) = (&self.state.limits, self.limiter.client);
        let user_id = found.map(|found| found.user.user_id);
        let is_known_here = found.is_some_and(|found| found.is_known_here);
        // One account, whichever of its names is used; a name that does not exist is an account all
        // the same.
        let account =
            user_id.map_or_else(|| self.name.clone(), |user_id| pseudonym(&user_id.to_string()));
        let address = limits.address_bucket(client);
        let both = limits.both_bucket(&account, client);
        match found {
            Some(found) if is_known_here => limits.known_addresses.insert(&found.user, client),
            _ if self.cached.is_some() => limits.known_addresses.remove(&self.name, client),
            _ => {}
        }
        if let (Some(wait), false) = (self.crowded, is_known_here) {
            return Err(self.refuse(&address, &account, wait));
        }
        let mut missing = Vec::new();
        if self.cached.is_none() || self.cached != user_id {
            missing.push(both.clone());
        }
        let mut buckets = vec![both, Bucket { decides: !is_known_here, ..address }];
        if !is_known_here {
            let strangers = limits.account_bucket(&account);
            missing.push(strangers.clone());
            buckets.push(strangers);
        }
        for bucket in &missing {
            if let Err(wait) = self.hit.take_here(limits, bucket) {
                return Err(self.refuse(bucket, &account, wait));
            }
        }
        let counted = self.limiter.count(self.state, &self.hit, &buckets, Some(&account)).await?;
        let both = buckets.into_iter().next().map(|bucket| bucket.subject).unwrap_or_default();
        if let (Some(own), Some(counted)) = (limits.own(Policy::Auth), counted.into_iter().next()) {
            // A success on another process may have cleared it.
            own.retain(both.clone(), &[counted.before, vec![self.hit.at]].concat());
        }
        Ok((self.hit, both))
    }

    fn refuse(&self, bucket: &Bucket, account: &str, wait: Wait) -> ApiError {
        self.hit.forget_here(&self.state.limits);
        self.limiter.refuse(self.state, &self.hit, bucket, Some(account), wait)
    }
}
