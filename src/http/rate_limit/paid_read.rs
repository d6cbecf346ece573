//! The charge of a read that `middleware::cached_reads` answers, by the rules of the middlewares
//! that it passes by ([`super::burst`], [`super::general`]).

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;

use super::burst::{self, BurstConfig};
use super::charge::{Charge, Claim};
use super::general::write_charge;
use super::limiter::RateLimiter;
use crate::http::AppState;
use crate::http::request::caller::Caller;
use crate::http::request::context::RequestContext;

/// The charge of a request that was answered without its handler.
#[derive(Debug)]
pub struct PaidRead(Option<Charge>);

impl PaidRead {
    /// Charges a request whose caller is known from the cache, or is anonymous, to the burst limit
    /// and to the general or the caller limit. None if one of them refuses it, or its caller is
    /// charged only after a lookup: then nothing is charged.
    pub fn charge(
        request: &ServiceRequest,
        state: &AppState,
        burst: &BurstConfig,
        caller: Option<&Caller>,
    ) -> Option<Self> {
        let limiter = &state.rate_limiter;
        if !limiter.is_enabled() {
            return Some(Self(None));
        }
        let client = RequestContext::client_prefix(request)?;
        let claim = Claim::from_request(request, state, client);
        if caller.is_some() && limiter.caller_quota().is_some() && claim.caller().is_none() {
            return None;
        }
        let now = state.clock.now().timestamp_millis();
        let charge = limiter.charge(claim, client, now).ok()?.or_refused().ok()?;
        if !burst::accepts(burst, claim.payer) {
            limiter.release(&charge);
            return None;
        }
        Some(Self(Some(charge)))
    }

    /// Writes the headers of the limits.
    pub fn write(&self, headers: &mut HeaderMap, limiter: &RateLimiter) {
        if let Self(Some(charge)) = self {
            write_charge(headers, limiter, charge, None);
        }
    }
}
