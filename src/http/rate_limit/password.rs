//! Failed attempts at a password (log-in, `change-password`) count by address, by account, and by
//! both.
//!
//! The hit of the address is taken in memory before the lookup, so that a refused attempt costs no
//! statement. At an address from which the account was lately used, the bucket of both decides
//! alone: other clients there cannot lock the owner out. If the address has no hit left and the
//! cache has no entry (after a restart, on another replica), a small budget of lookups per address
//! lets the owner through. A name that does not exist is an account of its own, with the same
//! statements.

use uuid::Uuid;

use super::guard::RequestLimiter;
use super::hit::Hit;
use super::known_addresses::AddressLookup;
use super::limiter::RateLimiter;
use super::pseudonym::pseudonym;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;
use crate::storage::known_addresses::Candidate;
use crate::storage::rate_limits::HitBucket;
use crate::storage::users::User;

impl RateLimiter {
    fn address_bucket(&self, client: ClientPrefix) -> HitBucket {
        let subject = format!("{} address {client}", Policy::Auth.as_ref());
        HitBucket { subject, quota: self.quotas.auth, refuses_when_full: true }
    }

    fn account_bucket(&self, account: &str) -> HitBucket {
        let subject = format!("{} account {account}", Policy::Auth.as_ref());
        HitBucket { subject, quota: self.quotas.auth_account(), refuses_when_full: true }
    }

    fn both_bucket(&self, account: &str, client: ClientPrefix) -> HitBucket {
        let subject = format!("{} account {account} address {client}", Policy::Auth.as_ref());
        HitBucket { subject, quota: self.quotas.auth, refuses_when_full: true }
    }
}

/// Whether an attempt keeps its hit: only if it failed for a wrong credential or a name that is
/// taken. Success, invalid input and faults of the service do not count.
pub fn is_failed_attempt<T>(outcome: &Result<T, ApiError>) -> bool {
    use ApiError::{Authentication, Authorization, Conflict, WrongPassword};
    matches!(outcome, Err(Authentication(_) | Authorization(_) | Conflict(_) | WrongPassword))
}

/// An attempt before its lookup.
struct PasswordAttempt<'a> {
    limiter: &'a RequestLimiter,
    state: &'a AppState,
    /// The pseudonym of the name that was sent.
    name: String,
    hit: Hit,
    /// The bucket of the address is full: only an account that is known at this address may go on.
    address_full: Option<Wait>,
    /// The account as the cache knows it; the hit of both is then taken already.
    cached: Option<Uuid>,
}

impl RequestLimiter {
    /// Returns the client as `known_addresses` stores it.
    pub fn client_prefix(&self) -> String {
        self.client.to_string()
    }

    /// Inserts a user who was authenticated at this address into the cache of known addresses.
    pub fn insert_known_address(&self, user: &User) {
        if let Ok(state) = self.state() {
            state.rate_limiter.known_addresses.insert(user, self.client);
        }
    }

    /// Takes a hit before the lookup of an account and the check of its password, and keeps it if
    /// that fails. Success releases it and clears the failures of this account at this address;
    /// those of the account and of the address stay.
    ///
    /// # Errors
    /// Those of `lookup` and `check`; [`ApiError::RateLimited`]; [`ApiError::Unavailable`] if the
    /// hit cannot be counted.
    pub async fn guard_password<T>(
        &self,
        name: &str,
        lookup: impl AsyncFnOnce(&str) -> Result<Option<Candidate>, ApiError>,
        check: impl AsyncFnOnce(Option<Candidate>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let state = self.state()?;
        let address = self.client_prefix();
        if !state.rate_limiter.enabled {
            return check(lookup(&address).await?).await;
        }
        let attempt = self.begin_attempt(&state, name)?;
        let found = match lookup(&address).await {
            Ok(found) => found,
            Err(error) => {
                attempt.abort();
                return Err(error);
            }
        };
        let (hit, both) = attempt.reserve(found.as_ref()).await?;
        let outcome = check(found).await;
        match &outcome {
            Ok(_) => hit.release(&state, vec![both]).await,
            failure if is_failed_attempt(failure) => {}
            Err(_) => hit.release(&state, Vec::new()).await,
        }
        outcome
    }

    /// Takes the hits that can be taken without a statement.
    fn begin_attempt<'a>(
        &'a self,
        state: &'a AppState,
        name: &str,
    ) -> Result<PasswordAttempt<'a>, ApiError> {
        let (limiter, client, name) = (&state.rate_limiter, self.client, pseudonym(name));
        let mut hit = Hit::new(Policy::Auth, state.clock.now().timestamp_millis());
        let address = limiter.address_bucket(client);
        let address_full = hit.reserve_local(limiter, &address).err();
        let mut cached = None;
        match (limiter.known_addresses.get(&name, client, hit.at), address_full) {
            (AddressLookup::Known(user_id), _) => {
                let account = pseudonym(&user_id.to_string());
                let both = limiter.both_bucket(&account, client);
                if let Err(wait) = hit.reserve_local(limiter, &both) {
                    hit.release_local(limiter);
                    return Err(self.refuse(state, &hit, &both, Some(&account), wait));
                }
                cached = Some(user_id);
            }
            (_, None) => {}
            (AddressLookup::Miss, Some(_))
                if limiter.exhausted_address_lookups.reserve(client, hit.at).is_ok() => {}
            (AddressLookup::Unknown | AddressLookup::Miss, Some(wait)) => {
                return Err(self.refuse(state, &hit, &address, Some(&name), wait));
            }
        }
        Ok(PasswordAttempt { limiter: self, state, name, hit, address_full, cached })
    }
}

impl PasswordAttempt<'_> {
    /// Releases what was taken: the lookup failed.
    fn abort(&self) {
        let limiter = &self.state.rate_limiter;
        self.hit.release_local(limiter);
        if self.address_full.is_some() && self.cached.is_none() {
            limiter.exhausted_address_lookups.release(self.limiter.client, self.hit.at);
        }
    }

    /// Takes the hits of the account, here and in the database. Returns them with the subject of
    /// the bucket of both.
    async fn reserve(mut self, found: Option<&Candidate>) -> Result<(Hit, String), ApiError> {
        let (limiter, client) = (&self.state.rate_limiter, self.limiter.client);
        let user_id = found.map(|found| found.user.user_id);
        let is_known_address = found.is_some_and(|found| found.is_known_address);
        // One account, whichever of its names is used; a name that does not exist is an account all
        // the same.
        let account =
            user_id.map_or_else(|| self.name.clone(), |user_id| pseudonym(&user_id.to_string()));
        let address = limiter.address_bucket(client);
        let both = limiter.both_bucket(&account, client);
        match found {
            Some(found) if is_known_address => limiter.known_addresses.insert(&found.user, client),
            _ => limiter.known_addresses.insert_unknown(&self.name, client, self.hit.at),
        }
        if let (Some(wait), false) = (self.address_full, is_known_address) {
            return Err(self.refuse(&address, &account, wait));
        }
        let mut missing = Vec::new();
        if self.cached.is_none() || self.cached != user_id {
            missing.push(both.clone());
        }
        let mut buckets = vec![both, HitBucket { refuses_when_full: !is_known_address, ..address }];
        if !is_known_address {
            let account = limiter.account_bucket(&account);
            missing.push(account.clone());
            buckets.push(account);
        }
        for bucket in &missing {
            if let Err(wait) = self.hit.reserve_local(limiter, bucket) {
                return Err(self.refuse(bucket, &account, wait));
            }
        }
        let counted =
            self.limiter.reserve_shared(self.state, &self.hit, &buckets, Some(&account)).await?;
        let both = buckets.into_iter().next().map(|bucket| bucket.subject).unwrap_or_default();
        let windows = limiter.local_windows(Policy::Auth);
        if let (Some(windows), Some(counted)) = (windows, counted.into_iter().next()) {
            // A success on another process may have cleared it.
            windows.retain(both.clone(), &[counted.earlier_hits, vec![self.hit.at]].concat());
        }
        Ok((self.hit, both))
    }

    fn refuse(&self, bucket: &HitBucket, account: &str, wait: Wait) -> ApiError {
        self.hit.release_local(&self.state.rate_limiter);
        self.limiter.refuse(self.state, &self.hit, bucket, Some(account), wait)
    }
}
