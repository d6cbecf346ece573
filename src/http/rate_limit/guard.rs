//! A handler's way to the small limits: a hit is taken, the work is done, and the hit is kept or
//! given back.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::rate_limit::{Limits, Refused, Report, exceeded, report};
use crate::http::request::client_ip::ClientAddress;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Standing, Wait};
use crate::storage::rate_limits::{self, Bucket, Counted};

/// A name as it is counted: the start of its hash, so that nobody reads names in the table of hits
/// or in the log.
pub fn pseudonym(account: &str) -> String {
    fingerprint(&account.trim().to_lowercase()).chars().take(32).collect()
}

/// A handler's way to the small limits.
#[derive(Clone, Debug)]
pub struct Limiter {
    request: HttpRequest,
    pub(super) client: Client,
}

impl FromRequest for Limiter {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let client =
            request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
        let unknown = || ApiError::Internal { cause: "a request without an address".into() };
        ready(client.ok_or_else(unknown).map(|client| Self { request: request.clone(), client }))
    }
}

/// Whom a hit is counted against, beside or instead of the address.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// The address and this account, known or not.
    AddressAndAccount(&'a str),
    Address,
    Account(&'a str),
}

impl Limiter {
    /// Takes a hit, does the work, and gives the hit back unless `keeps` says otherwise. Whoever
    /// goes away before the end has used its hit.
    ///
    /// # Errors
    /// Those of `work`; [`ApiError::RateLimited`] if no hit is left; [`ApiError::Unavailable`] if
    /// it cannot be counted.
    pub async fn guard(
        &self,
        policy: Policy,
        against: Against<'_>,
        keeps: fn(&Result<HttpResponse, ApiError>) -> bool,
        work: impl AsyncFnOnce() -> Result<HttpResponse, ApiError>,
    ) -> Result<HttpResponse, ApiError> {
        let state = self.state()?;
        if !state.limits.enabled {
            return work().await;
        }
        let hit = self.reserve(&state, policy, against).await?;
        let outcome = work().await;
        if !keeps(&outcome) {
            hit.give_back(&state, Vec::new()).await;
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
        let (quota, name) = (state.limits.quota(policy), policy.as_ref());
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
        let buckets: Vec<Bucket> =
            subjects.map(|subject| Bucket { subject, quota, decides: true }).collect();
        let mut hit = Hit::new(policy, state.clock.now().timestamp_millis());
        for bucket in &buckets {
            if let Err(wait) = hit.take_here(&state.limits, bucket) {
                hit.forget_here(&state.limits);
                return Err(self.refuse(state, &hit, bucket, account.as_deref(), wait));
            }
        }
        self.count(state, &hit, &buckets, account.as_deref()).await?;
        Ok(hit)
    }

    /// Takes the hit in the database, or gives it back here.
    pub(super) async fn count(
        &self,
        state: &AppState,
        hit: &Hit,
        buckets: &[Bucket],
        account: Option<&str>,
    ) -> Result<Vec<Counted>, ApiError> {
        let counted = state.db.transaction(Circuit::Auth, "reserve_hit", async |conn| {
            rate_limits::reserve(conn, buckets, hit.id, hit.at).await
        });
        let counted = counted.await.inspect_err(|_| hit.forget_here(&state.limits))?;
        counted.inspect(|counted| self.report(hit.policy, buckets, counted)).map_err(|full| {
            hit.forget_here(&state.limits);
            match buckets.get(full.index) {
                Some(bucket) => self.refuse(state, hit, bucket, account, full.wait),
                None => exceeded(hit.policy, full.wait),
            }
        })
    }

    /// Adds the tightest of the buckets that decide to the headers of the answer.
    fn report(&self, policy: Policy, buckets: &[Bucket], counted: &[Counted]) {
        let deciding = buckets.iter().zip(counted).filter(|(bucket, _)| bucket.decides);
        let standings = deciding.filter_map(|(bucket, counted)| {
            counted.standing.map(|standing| (bucket.quota, standing))
        });
        if let Some((quota, standing)) = standings.min_by_key(|(_, standing)| standing.remaining) {
            report(&self.request, Report { policy, quota, standing });
        }
    }

    pub(super) fn refuse(
        &self,
        state: &AppState,
        hit: &Hit,
        bucket: &Bucket,
        account: Option<&str>,
        wait: Wait,
    ) -> ApiError {
        let (policy, quota) = (hit.policy, bucket.quota);
        let refused = Refused { policy, request: &self.request, subject: account };
        state.limits.refusals.record(&state.logger, &refused, hit.at);
        report(
            &self.request,
            Report { policy, quota, standing: Standing { remaining: 0, reset: wait.0 } },
        );
        exceeded(policy, wait)
    }
}

/// A hit that was taken.
pub(super) struct Hit {
    pub(super) policy: Policy,
    subjects: Vec<String>,
    id: Uuid,
    pub(super) at: i64,
}

impl Hit {
    pub(super) fn new(policy: Policy, at: i64) -> Self {
        Self { policy, subjects: Vec::new(), id: Uuid::now_v7(), at }
    }

    /// Takes it from what this process knows of a bucket.
    pub(super) fn take_here(&mut self, limits: &Limits, bucket: &Bucket) -> Result<(), Wait> {
        if let Some(own) = limits.own(self.policy) {
            own.reserve_within(bucket.subject.clone(), bucket.quota, self.at)?;
            self.subjects.push(bucket.subject.clone());
        }
        Ok(())
    }

    pub(super) fn forget_here(&self, limits: &Limits) {
        if let Some(own) = limits.own(self.policy) {
            self.subjects.iter().for_each(|subject| own.release(subject.clone(), self.at));
        }
    }

    /// Gives it back, and empties the buckets in `cleared`.
    pub(super) async fn give_back(self, state: &web::Data<AppState>, cleared: Vec<String>) {
        self.forget_here(&state.limits);
        if let Some(own) = state.limits.own(self.policy) {
            for subject in &cleared {
                own.retain(subject.clone(), &[]);
            }
        }
        if release(state, self.id, &cleared).await {
            return;
        }
        // Database unavailable: refund the hit in the background.
        let (state, id) = (state.clone(), self.id);
        actix_web::rt::spawn(async move {
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if release(&state, id, &cleared).await {
                    return;
                }
            }
        });
    }
}

async fn release(state: &AppState, id: Uuid, cleared: &[String]) -> bool {
    let released = state.db.run(Circuit::Auth, "release_hit", async |conn| {
        rate_limits::release(conn, id, cleared).await
    });
    released.await.is_ok()
}
