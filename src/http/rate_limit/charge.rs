//! Whom a request is charged to: its address, or, if callers have their own limit, the API key or
//! user that sends it.
//!
//! A caller is recognised without a statement: a token by its signature, a key by a cache hit. A
//! key that is not cached takes a hit of its address first, which is returned when the key has been
//! verified; if the address has none left, the budget of unknown keys bounds the lookup. A
//! credential that turns out to be no longer valid is charged to its address.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::cache::two_generations::Generations;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::middleware::authenticate::{Presented, credential};
use crate::http::rate_limit::{Limits, Report};
use crate::http::request::caller::{Caller, Credential};
use crate::http::request::class::RequestClass;
use crate::model::api_keys::has_expired;
use crate::model::users::Role;
use crate::rate_limit::caller_windows::CallerId;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Standing, Wait};

/// The most ended sessions that are cached; a token that outlives its session is charged to its
/// address.
const ENDED: usize = 10_000;

/// Who pays for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    Address(Client),
    Caller(CallerId),
}

/// Who is to pay for a request, as far as that is known without a statement.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub payer: Payer,
    quota: Quota,
    /// The session of the access token.
    session: Option<Uuid>,
    /// An API key that is not cached: the address's hit is not needed to go on.
    is_new_key: bool,
}

/// What a request was charged.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    claim: Claim,
    client: Client,
    at: i64,
    /// What is left; an error if no hit could be taken.
    taken: Result<Standing, Wait>,
}

/// Sessions whose tokens are valid by signature alone.
#[derive(Debug)]
pub(super) struct EndedSessions(Mutex<Generations<Uuid, ()>>);

impl Default for EndedSessions {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(ENDED, |()| 1)))
    }
}

impl EndedSessions {
    fn contains(&self, session: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&session).is_some()
    }

    fn set(&self, session: Uuid, ended: bool) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended { sessions.insert(session, ()) } else { sessions.remove(&session) }
    }
}

impl Claim {
    /// Recognises the payer, once per request.
    pub fn of(request: &ServiceRequest, state: &AppState, client: Client) -> Self {
        let known = request.extensions().get::<Self>().copied();
        known.unwrap_or_else(|| {
            let claim = Self::recognise(request, state, client);
            request.extensions_mut().insert(claim);
            claim
        })
    }

    fn recognise(request: &ServiceRequest, state: &AppState, client: Client) -> Self {
        let limits = &state.limits;
        let address = Self {
            payer: Payer::Address(client),
            quota: limits.quotas.general,
            session: None,
            is_new_key: false,
        };
        if limits.quotas.caller.is_none() || !RequestClass::of(request).uses_caller {
            return address;
        }
        let now = state.clock.now();
        match credential(request.headers()) {
            Ok(Some(Presented::Token(token))) => match state.tokens.verify_access(token, now) {
                Ok(claims) if !limits.ended_sessions.contains(claims.sid) => {
                    let caller = limits.claim_of_user(claims.user_id);
                    Self { session: Some(claims.sid), ..caller.unwrap_or(address) }
                }
                Ok(claims) => Self { session: Some(claims.sid), ..address },
                Err(_) => address,
            },
            Ok(Some(Presented::Key(key))) => {
                let Ok(key) = ApiKey::parse(key) else { return address };
                let Some(known) = state.keys.peek(&key.hash(), Instant::now()) else {
                    return Self { is_new_key: true, ..address };
                };
                let standing = &known.standing;
                if standing.ended || has_expired(standing.expires_at, now) {
                    return address;
                }
                limits
                    .claim_of_key(standing.key_id, standing.rate_limit, standing.owner.role)
                    .unwrap_or(address)
            }
            _ => address,
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
    /// What the headers of the answer say; nothing if nothing was charged.
    pub fn report(&self) -> Report {
        let standing = self.taken.unwrap_or_else(|wait| Standing { remaining: 0, reset: wait.0 });
        Report { policy: self.claim.policy(), quota: self.claim.quota, standing }
    }

    /// Why the request is refused.
    pub fn refusal(&self) -> Option<(Policy, Wait)> {
        self.taken.err().map(|wait| (self.claim.policy(), wait))
    }
}

impl Limits {
    fn claim_of_user(&self, user_id: Uuid) -> Option<Claim> {
        let payer = Payer::Caller(CallerId::User(user_id));
        self.quotas.caller.map(|quota| Claim { payer, quota, session: None, is_new_key: false })
    }

    /// A key's own limit counts above the limit of all callers only while its owner is an
    /// administrator.
    fn claim_of_key(&self, key_id: Uuid, rate_limit: Option<u32>, owner: Role) -> Option<Claim> {
        let general = self.quotas.caller?;
        let own = rate_limit.map_or(general.most, |own| usize::try_from(own).unwrap_or(usize::MAX));
        let most = if owner == Role::Admin { own } else { own.min(general.most) };
        let payer = Payer::Caller(CallerId::Key(key_id));
        Some(Claim { payer, quota: Quota { most, ..general }, session: None, is_new_key: false })
    }

    fn take(&self, claim: Claim, client: Client, now: i64) -> Charge {
        let taken = match claim.payer {
            Payer::Address(client) => self.general.reserve(client, now),
            Payer::Caller(caller) => self.callers.reserve(caller, claim.quota, now),
        };
        Charge { claim, client, at: now, taken }
    }

    fn give_back(&self, charge: &Charge) {
        match charge.claim.payer {
            _ if charge.taken.is_err() => {}
            Payer::Address(client) => self.general.release(client, charge.at),
            Payer::Caller(caller) => self.callers.release(caller, charge.at),
        }
    }

    /// Takes a request's hit before anything is looked up. A refused one may go on only with an API
    /// key that is not cached.
    pub fn charge(&self, claim: Claim, client: Client, now: i64) -> Result<Charge, Charge> {
        let charge = self.take(claim, client, now);
        if charge.taken.is_ok() || claim.is_new_key { Ok(charge) } else { Err(charge) }
    }

    /// Corrects what a request was charged, now that it is known who calls.
    ///
    /// # Errors
    /// The charge of a request that is refused.
    pub fn settle(&self, charge: Charge, caller: Option<&Caller>) -> Result<Charge, Charge> {
        let Some(caller) = caller else { return self.settle_unverified(charge) };
        if let Payer::Caller(_) = charge.claim.payer {
            return Ok(charge);
        }
        let claim = match caller.credential {
            Credential::LogIn(session) => {
                self.ended_sessions.set(session, false);
                self.claim_of_user(caller.user.user_id)
            }
            Credential::Key { key_id, rate_limit, .. } => {
                self.claim_of_key(key_id, rate_limit, caller.user.role)
            }
        };
        let Some(claim) = claim else { return Ok(charge) };
        self.give_back(&charge);
        refused(self.take(claim, charge.client, charge.at))
    }

    fn settle_unverified(&self, charge: Charge) -> Result<Charge, Charge> {
        if let Some(session) = charge.claim.session {
            self.ended_sessions.set(session, true);
        }
        if let Payer::Address(_) = charge.claim.payer {
            return refused(charge);
        }
        self.give_back(&charge);
        let payer = Payer::Address(charge.client);
        let claim = Claim { payer, quota: self.quotas.general, session: None, is_new_key: false };
        refused(self.take(claim, charge.client, charge.at))
    }
}

fn refused(charge: Charge) -> Result<Charge, Charge> {
    if charge.taken.is_ok() { Ok(charge) } else { Err(charge) }
}

/// Replaces what a request was charged.
pub fn set(request: &HttpRequest, charge: Charge) {
    request.extensions_mut().insert(charge);
}
