//! A handler's way to the small limits: a hit is taken, the work is done, and the hit is kept or given back.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::{Limits, Refused, Report, exceeded, report};
use crate::actors::db_breaker::Circuit;
use crate::credentials::tokens::fingerprint;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::middleware::client::ClientAddress;
use crate::limits::address::Client;
use crate::limits::policy::Policy;
use crate::limits::window::{Standing, Wait};
use crate::storage::rate_limits;

/// A name as it is counted: the start of its hash, so that nobody reads names in the table of hits or in the log.
fn pseudonym(account: &str) -> String {
    fingerprint(&account.trim().to_lowercase()).chars().take(32).collect()
}

/// A handler's way to the small limits.
#[derive(Clone, Debug)]
pub struct Limiter {
    request: HttpRequest,
    client: Client,
}

impl FromRequest for Limiter {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let client = request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
        let unknown = || ApiError::Internal { cause: "a request without an address".into() };
        ready(client.ok_or_else(unknown).map(|client| Self { request: request.clone(), client }))
    }
}

/// Whom a hit is counted against, beside or instead of the address.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// The address and this account, known or not.
    AddressAndAccount(&'a str),
    /// The address.
    Address,
    /// This account.
    Account(&'a str),
}

impl Limiter {
    /// Takes a hit, does the work, and gives the hit back unless `keeps` says otherwise. Whoever goes away before the end
    /// has used its hit.
    ///
    /// # Errors
    /// Those of `work`; [`ApiError::RateLimited`] if no hit is left; [`ApiError::Unavailable`] if it cannot be counted.
    pub async fn guard(
        &self,
        policy: Policy,
        against: Against<'_>,
        keeps: fn(&Result<HttpResponse, ApiError>) -> bool,
        work: impl AsyncFnOnce() -> Result<HttpResponse, ApiError>,
    ) -> Result<HttpResponse, ApiError> {
        let state = self.request.app_data::<web::Data<AppState>>().cloned();
        let state = state.ok_or_else(|| ApiError::Internal { cause: "the application has no state".into() })?;
        if !state.limits.enabled {
            return work().await;
        }
        let hit = self.reserve(&state, policy, against).await?;
        let outcome = work().await;
        if !keeps(&outcome) {
            hit.give_back(&state).await;
        }
        outcome
    }

    async fn reserve(&self, state: &AppState, policy: Policy, against: Against<'_>) -> Result<Hit, ApiError> {
        let (limits, now) = (&state.limits, state.clock.now().timestamp_millis());
        let (quota, name) = (limits.quota(policy), policy.as_ref());
        let account = match against {
            Against::AddressAndAccount(account) | Against::Account(account) => Some(pseudonym(account)),
            Against::Address => None,
        };
        let address = matches!(against, Against::AddressAndAccount(_) | Against::Address)
            .then(|| format!("{name} address {}", self.client));
        let subjects: Vec<String> =
            address.into_iter().chain(account.as_ref().map(|account| format!("{name} account {account}"))).collect();
        let refuse = |wait: Wait| {
            let route = self.request.match_pattern().unwrap_or_default();
            let who = Refused { client: self.client, route: &route, account: account.as_deref() };
            limits.refused(&state.logger, policy, &who, now);
            report(&self.request, Report { policy, quota, standing: Standing { remaining: 0, reset: wait.0 } });
            exceeded(policy, wait)
        };
        let mut hit = Hit { policy, subjects: Vec::new(), id: Uuid::now_v7(), at: now };
        if let Some(own) = limits.own(policy) {
            for subject in &subjects {
                if let Err(wait) = own.reserve(subject.clone(), now) {
                    hit.forget_here(limits);
                    return Err(refuse(wait));
                }
                hit.subjects.push(subject.clone());
            }
        }
        let counted = state.db.transaction(Circuit::Auth, "reserve_hit", async |conn| {
            rate_limits::reserve(conn, &subjects, hit.id, quota, now).await
        });
        match counted.await {
            Ok(Ok(standing)) => {
                report(&self.request, Report { policy, quota, standing });
                Ok(hit)
            }
            Ok(Err(wait)) => {
                hit.forget_here(limits);
                Err(refuse(wait))
            }
            Err(error) => {
                hit.forget_here(limits);
                Err(error.into())
            }
        }
    }
}

/// A hit that was taken.
struct Hit {
    policy: Policy,
    subjects: Vec<String>,
    id: Uuid,
    at: i64,
}

impl Hit {
    fn forget_here(&self, limits: &Limits) {
        if let Some(own) = limits.own(self.policy) {
            self.subjects.iter().for_each(|subject| own.release(subject.clone(), self.at));
        }
    }

    async fn give_back(self, state: &web::Data<AppState>) {
        self.forget_here(&state.limits);
        if release(state, self.id).await {
            return;
        }
        // The database went away meanwhile: nobody is to pay for that.
        let (state, id) = (state.clone(), self.id);
        actix_web::rt::spawn(async move {
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if release(&state, id).await {
                    return;
                }
            }
        });
    }
}

async fn release(state: &AppState, id: Uuid) -> bool {
    state.db.run(Circuit::Auth, "release_hit", async |conn| rate_limits::release(conn, id).await).await.is_ok()
}
