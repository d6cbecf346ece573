//! The way of handlers to the small limits, which are counted in the database: a hit is taken
//! before the work and kept or released after it. The account rules of passwords are in
//! [`super::password`].

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::headers::LimitReport;
use super::hit::Hit;
use super::pseudonym::pseudonym;
use super::refusals::{RateLimitedRequest, rate_limited};
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::request::context::RequestContext;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;
use crate::storage::rate_limits::{self, BucketState, HitBucket};

/// Counts the request of a handler against a small limit.
#[derive(Clone, Debug)]
pub struct RequestLimiter {
    request: HttpRequest,
    pub(super) client: ClientPrefix,
}

impl FromRequest for RequestLimiter {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let client = RequestContext::client_prefix(request);
        let unknown = || ApiError::Internal { cause: "a request without an address".into() };
        ready(client.ok_or_else(unknown).map(|client| Self { request: request.clone(), client }))
    }
}

/// What a hit is counted against.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// The address, and the account of this name, whether or not it exists.
    AddressAndAccount(&'a str),
    Address,
    Account(&'a str),
}

impl RequestLimiter {
    /// Takes a hit, does the work, and releases the hit unless `keeps` says otherwise. The hit of a
    /// client that disconnects before the end stays taken.
    ///
    /// # Errors
    /// Those of `work`; [`ApiError::RateLimited`] if no hit is left; [`ApiError::Unavailable`] if
    /// the hit cannot be counted.
    pub async fn guard<T>(
        &self,
        policy: Policy,
        against: Against<'_>,
        keeps: fn(&Result<T, ApiError>) -> bool,
        work: impl AsyncFnOnce() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let state = self.state()?;
        if !state.rate_limiter.enabled {
            return work().await;
        }
        let hit = self.reserve(&state, policy, against).await?;
        let outcome = work().await;
        if !keeps(&outcome) {
            hit.release(&state, Vec::new()).await;
        }
        outcome
    }

    pub(super) fn state(&self) -> Result<web::Data<AppState>, ApiError> {
        let state = self.request.app_data::<web::Data<AppState>>().cloned();
        state.ok_or_else(|| ApiError::Internal { cause: "the application has no state".into() })
    }

    async fn reserve(
        &self,
        state: &AppState,
        policy: Policy,
        against: Against<'_>,
    ) -> Result<Hit, ApiError> {
        let (quota, name) = (state.rate_limiter.quota(policy), policy.as_ref());
        let account = match against {
            Against::AddressAndAccount(account) | Against::Account(account) => {
                Some(pseudonym(account))
            }
            Against::Address => None,
        };
        let address = matches!(against, Against::AddressAndAccount(_) | Against::Address)
            .then(|| format!("{name} address {}", self.client));
        let subjects = address
            .into_iter()
            .chain(account.as_ref().map(|account| format!("{name} account {account}")));
        let buckets: Vec<HitBucket> =
            subjects.map(|subject| HitBucket { subject, quota, refuses_when_full: true }).collect();
        let mut hit = Hit::new(policy, state.clock.now().timestamp_millis());
        for bucket in &buckets {
            if let Err(wait) = hit.reserve_local(&state.rate_limiter, bucket) {
                hit.release_local(&state.rate_limiter);
                return Err(self.refuse(state, &hit, bucket, account.as_deref(), wait));
            }
        }
        self.reserve_shared(state, &hit, &buckets, account.as_deref()).await?;
        Ok(hit)
    }

    /// Takes the hit in the database. If that fails, the hit is released in the local windows, and
    /// a bucket that is full is refused without a statement for a while.
    pub(super) async fn reserve_shared(
        &self,
        state: &AppState,
        hit: &Hit,
        buckets: &[HitBucket],
        account: Option<&str>,
    ) -> Result<Vec<BucketState>, ApiError> {
        let limiter = &state.rate_limiter;
        let releases = limiter.full_buckets.releases();
        let counted =
            state.db.transaction(Circuit::Auth, "rate_limit_hits.reserve", async |conn| {
                rate_limits::reserve(conn, buckets, hit.id, hit.at).await
            });
        let counted = counted.await.inspect_err(|_| hit.release_local(limiter))?;
        counted.inspect(|counted| self.report(hit.policy, buckets, counted)).map_err(|full| {
            hit.release_local(limiter);
            let full = full.iter().filter_map(|one| Some((buckets.get(one.index)?, one.wait)));
            for (bucket, wait) in full.clone() {
                limiter.full_buckets.insert(bucket.subject.clone(), wait, hit.at, releases);
            }
            match full.clone().next() {
                Some((bucket, wait)) => self.refuse(state, hit, bucket, account, wait),
                None => rate_limited(hit.policy, limiter.quota(hit.policy), Wait(1)),
            }
        })
    }

    /// Reports the bucket with the fewest hits left of those that refuse when full.
    fn report(&self, policy: Policy, buckets: &[HitBucket], counted: &[BucketState]) {
        let refusing = buckets.iter().zip(counted).filter(|(bucket, _)| bucket.refuses_when_full);
        let states = refusing
            .filter_map(|(bucket, counted)| counted.window.map(|state| (bucket.quota, state)));
        if let Some((quota, state)) = states.min_by_key(|(_, state)| state.remaining) {
            LimitReport::new(policy, quota, Ok(state)).add_to(&self.request);
        }
    }

    pub(super) fn refuse(
        &self,
        state: &AppState,
        hit: &Hit,
        bucket: &HitBucket,
        account: Option<&str>,
        wait: Wait,
    ) -> ApiError {
        let refused =
            RateLimitedRequest { policy: hit.policy, request: &self.request, subject: account };
        state.rate_limiter.refusals.record(&state.logger, &refused);
        LimitReport::new(hit.policy, bucket.quota, Err(wait)).add_to(&self.request);
        rate_limited(hit.policy, bucket.quota, wait)
    }
}
