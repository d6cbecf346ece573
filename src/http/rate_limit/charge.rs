//! Who a request is charged to: its address, or, if callers have their own limit, the API key or
//! user that sends it.
//!
//! A caller is recognised without a statement: a token by its signature, a key by a cache hit. A
//! key that is not cached takes a hit of its address first, which is released when the key has been
//! verified; if the address has none left, the budget of unknown keys bounds the lookup. A
//! credential that turns out to be invalid is charged to its address.

use std::time::Instant;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use super::headers::LimitReport;
use super::limiter::RateLimiter;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::request::caller::{Caller, Credential, VerifiedToken};
use crate::http::request::class::{RequestClass, RequestKind};
use crate::http::request::credential::{PresentedCredential, presented};
use crate::model::api_keys::is_expired;
use crate::model::users::Role;
use crate::rate_limit::caller_windows::CallerId;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Wait, WindowState};

/// Whose window a request is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    Address(ClientPrefix),
    Caller(CallerId),
}

/// The payer of a request, as far as it is known without a statement.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub payer: Payer,
    quota: Quota,
    /// The token family of the access token.
    session: Option<Uuid>,
    /// An API key that is not cached: it may go on without a hit of its address.
    is_new_key: bool,
}

/// The hit that a request has taken, or could not take.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    claim: Claim,
    client: ClientPrefix,
    /// Milliseconds since 1970.
    at: i64,
    taken: Result<WindowState, Wait>,
}

impl Claim {
    /// Recognises the payer of a request; the result is kept in the request.
    pub fn from_request(request: &ServiceRequest, state: &AppState, client: ClientPrefix) -> Self {
        let known = request.extensions().get::<Self>().copied();
        known.unwrap_or_else(|| {
            let claim = Self::recognise(request, state, client);
            request.extensions_mut().insert(claim);
            claim
        })
    }

    fn recognise(request: &ServiceRequest, state: &AppState, client: ClientPrefix) -> Self {
        let limiter = &state.rate_limiter;
        let address = limiter.claim_of_address(client);
        let class = RequestClass::from_request(request);
        // People who use the pages have their own limit, whether or not other callers have.
        let is_page = class.kind == RequestKind::Dashboard;
        if !class.uses_caller || (limiter.quotas.caller.is_none() && !is_page) {
            return address;
        }
        let now = state.clock.now();
        match presented(request) {
            Ok(Some(PresentedCredential::Cookie(token))) => {
                let Ok(claims) = state.accounts.tokens.verify_browser(&token, now) else {
                    return address;
                };
                let payer = if limiter.ended_sessions.contains(claims.sid) {
                    address.payer
                } else {
                    Payer::Caller(CallerId::User(claims.user_id()))
                };
                let quota = match payer {
                    Payer::Address(_) => address.quota,
                    Payer::Caller(_) => limiter.quotas.caller.unwrap_or(address.quota),
                };
                Self { payer, quota, session: Some(claims.sid), is_new_key: false }
            }
            Ok(Some(PresentedCredential::Token(token))) => {
                let tokens = &state.accounts.tokens;
                let Some(claims) = VerifiedToken::of(request, tokens, token.token(), now) else {
                    return address;
                };
                let has_ended = limiter.ended_sessions.contains(claims.sid);
                let caller = limiter.claim_of_user(claims.user_id).filter(|_| !has_ended);
                Self { session: Some(claims.sid), ..caller.unwrap_or(address) }
            }
            Ok(Some(PresentedCredential::ApiKey(key))) => {
                let Ok(key) = ApiKey::parse(&key) else { return address };
                let Some(known) = state.accounts.keys.peek(&key.hash(), Instant::now()) else {
                    return Self { is_new_key: true, ..address };
                };
                let key = &known.authority;
                if key.ended || is_expired(key.expires_at, now) {
                    return address;
                }
                limiter.claim_of_key(key.key_id, key.rate_limit, key.owner.role).unwrap_or(address)
            }
            _ => address,
        }
    }

    /// Returns the user or API key; none for an address.
    pub fn caller(&self) -> Option<CallerId> {
        match self.payer {
            Payer::Address(_) => None,
            Payer::Caller(caller) => Some(caller),
        }
    }

    fn policy(&self) -> Policy {
        match self.payer {
            Payer::Address(_) => Policy::General,
            Payer::Caller(_) => Policy::Caller,
        }
    }
}

impl Charge {
    /// Reports the charge for the headers of the response.
    pub fn report(&self) -> LimitReport {
        LimitReport::new(self.claim.policy(), self.claim.quota, self.taken)
    }

    /// Whether it is the general limit that was charged.
    pub fn is_general(&self) -> bool {
        self.claim.policy() == Policy::General
    }

    /// Returns the limit that was charged, and its quota.
    pub fn limit(&self) -> (Policy, Quota) {
        (self.claim.policy(), self.claim.quota)
    }

    /// Returns the time until the limit has a hit, if it had none left.
    pub fn wait(&self) -> Wait {
        self.taken.err().unwrap_or(Wait(1))
    }

    /// Returns the user or API key that was charged; none for an address.
    pub fn caller(&self) -> Option<CallerId> {
        self.claim.caller()
    }

    /// Returns the charge as an error if it took no hit.
    pub fn or_refused(self) -> Result<Self, Self> {
        if self.taken.is_ok() { Ok(self) } else { Err(self) }
    }

    /// Puts the charge into the request, in place of an earlier one.
    pub fn insert_into(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }
}

impl RateLimiter {
    fn claim_of_address(&self, client: ClientPrefix) -> Claim {
        let payer = Payer::Address(client);
        Claim { payer, quota: self.quotas.general, session: None, is_new_key: false }
    }

    fn claim_of_user(&self, user_id: Uuid) -> Option<Claim> {
        let payer = Payer::Caller(CallerId::User(user_id));
        self.quotas.caller.map(|quota| Claim { payer, quota, session: None, is_new_key: false })
    }

    /// A key's own limit exceeds the caller limit only while its owner is an administrator.
    fn claim_of_key(&self, key_id: Uuid, rate_limit: Option<u32>, owner: Role) -> Option<Claim> {
        let caller = self.quotas.caller?;
        let own = rate_limit.map_or(caller.limit, |own| usize::try_from(own).unwrap_or(usize::MAX));
        let limit = if owner == Role::Admin { own } else { own.min(caller.limit) };
        let payer = Payer::Caller(CallerId::Key(key_id));
        let quota = Quota { limit, ..caller };
        Some(Claim { payer, quota, session: None, is_new_key: false })
    }

    fn take(&self, claim: Claim, client: ClientPrefix, now: i64) -> Charge {
        let taken = match claim.payer {
            Payer::Address(client) => self.general.reserve(client, now),
            Payer::Caller(caller) => self.callers.reserve(caller, claim.quota, now),
        };
        Charge { claim, client, at: now, taken }
    }

    /// Gives the hit of a charge back.
    pub(super) fn release(&self, charge: &Charge) {
        match charge.claim.payer {
            _ if charge.taken.is_err() => {}
            Payer::Address(client) => self.general.release(client, charge.at),
            Payer::Caller(caller) => self.callers.release(caller, charge.at),
        }
    }

    /// Takes the hit of a request before any lookup.
    ///
    /// # Errors
    /// The charge of a request that is refused. Without a hit, only a request with an API key that
    /// is not cached goes on.
    pub fn charge(&self, claim: Claim, client: ClientPrefix, now: i64) -> Result<Charge, Charge> {
        let charge = self.take(claim, client, now);
        if claim.is_new_key { Ok(charge) } else { charge.or_refused() }
    }

    /// Corrects the charge of a request when its caller is known, or known to be none.
    ///
    /// # Errors
    /// The charge of a request that is refused.
    pub fn settle(&self, charge: Charge, caller: Option<&Caller>) -> Result<Charge, Charge> {
        let Some(caller) = caller else { return self.settle_unverified(charge) };
        if let Payer::Caller(_) = charge.claim.payer {
            return Ok(charge);
        }
        let claim = match caller.credential {
            Credential::Session(session) => {
                self.ended_sessions.set(session, false);
                self.claim_of_user(caller.user.user_id)
            }
            Credential::Key { key_id, rate_limit, .. } => {
                self.claim_of_key(key_id, rate_limit, caller.user.role)
            }
        };
        let Some(claim) = claim else { return Ok(charge) };
        self.release(&charge);
        self.take(claim, charge.client, charge.at).or_refused()
    }

    fn settle_unverified(&self, charge: Charge) -> Result<Charge, Charge> {
        if let Some(session) = charge.claim.session {
            self.ended_sessions.set(session, true);
        }
        if let Payer::Address(_) = charge.claim.payer {
            return charge.or_refused();
        }
        self.release(&charge);
        self.take(self.claim_of_address(charge.client), charge.client, charge.at).or_refused()
    }
}
