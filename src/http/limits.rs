//! The limits of the service: who takes a hit of what, before the work is done, and whether it is given back afterwards.
//!
//! The general limit lives in memory. The small ones are counted in the database, so that all processes share them and a
//! restart forgets nothing; a memory of one's own hits in front of it turns a flood away without a statement.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use slog::Logger;
use uuid::Uuid;

use super::AppState;
use super::error::ApiError;
use super::middleware::client::ClientAddress;
use super::middleware::limit::Label;
use crate::actors::db_breaker::Circuit;
use crate::credentials::tokens::fingerprint;
use crate::limits::address::Client;
use crate::limits::policy::{Policy, Quotas};
use crate::limits::shield::Shield;
use crate::limits::window::{Quota, Standing, Wait, seconds};
use crate::storage::rate_limits;
use crate::telemetry::limits::LimitInstruments;

/// The most lines about refusals in a second; the rest is counted.
const LINES: u32 = 10;

/// All limits.
#[derive(Debug)]
pub struct Limits {
    enabled: bool,
    quotas: Quotas,
    general: Shield<Client>,
    label: Label,
    auth: Shield<String>,
    api_key: Shield<String>,
    password_reset: Shield<String>,
    told: Mutex<Told>,
    instruments: LimitInstruments,
}

/// How many lines about refusals were written in this second, and how many were not.
#[derive(Debug, Default)]
struct Told {
    second: i64,
    lines: u32,
    suppressed: u64,
}

/// What a request was told about its limits, for the headers of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Which limit.
    pub policy: Policy,
    /// Its quota.
    pub quota: Quota,
    /// Hits that are left, and milliseconds until there is one more.
    pub standing: Standing,
}

impl Limits {
    /// With these quotas.
    pub fn new(enabled: bool, quotas: Quotas, instruments: LimitInstruments) -> Self {
        Self {
            enabled,
            general: Shield::new(quotas.general),
            label: Label::of(Policy::General, quotas.general),
            auth: Shield::new(quotas.auth),
            api_key: Shield::new(quotas.api_key),
            password_reset: Shield::new(quotas.password_reset),
            quotas,
            told: Mutex::default(),
            instruments,
        }
    }

    /// Whether anything is limited.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The quota of a policy.
    pub fn quota(&self, policy: Policy) -> Quota {
        self.quotas.of(policy)
    }

    /// Takes a hit of the general limit.
    ///
    /// # Errors
    /// [`Wait`].
    pub fn general(&self, client: Client, now: i64) -> Result<Standing, Wait> {
        self.general.reserve(client, now)
    }

    /// What the general limit always says of itself.
    pub fn general_label(&self) -> &Label {
        &self.label
    }

    fn own(&self, policy: Policy) -> Option<&Shield<String>> {
        match policy {
            Policy::Auth => Some(&self.auth),
            Policy::ApiKey => Some(&self.api_key),
            Policy::PasswordReset => Some(&self.password_reset),
            Policy::General | Policy::Burst => None,
        }
    }

    /// Counts a refusal and writes a line about it, unless there were many in this second.
    pub fn refused(&self, logger: &Logger, policy: Policy, who: &Refused<'_>, now: i64) {
        self.instruments.rejected(policy.as_ref());
        let suppressed = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let second = now.div_euclid(1000);
            if told.second != second {
                (told.second, told.lines) = (second, 0);
            }
            if told.lines >= LINES {
                told.suppressed = told.suppressed.saturating_add(1);
                return;
            }
            told.lines = told.lines.saturating_add(1);
            std::mem::take(&mut told.suppressed)
        };
        slog::warn!(logger, "rate limit exceeded";
            "policy" => policy.as_ref(), "client" => who.client.to_string(), "route" => who.route,
            "account" => who.account, "suppressed" => suppressed);
    }
}

/// Who was refused, for the log: an account only by the start of its hash.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Its address.
    pub client: Client,
    /// The pattern of the route.
    pub route: &'a str,
    /// The start of the SHA-256 of the account's name.
    pub account: Option<&'a str>,
}

/// A name as it is counted: the start of its hash, so that nobody reads names in the table of hits or in the log.
fn pseudonym(account: &str) -> String {
    fingerprint(&account.trim().to_lowercase()).chars().take(32).collect()
}

/// The error of whoever has no hit left.
pub fn exceeded(policy: Policy, Wait(wait): Wait) -> ApiError {
    let retry_after = Duration::from_secs(u64::try_from(seconds(wait)).unwrap_or(1));
    ApiError::RateLimited { policy, retry_after }
}

/// Adds to what the answer says about limits.
pub fn report(request: &HttpRequest, report: Report) {
    let mut extensions = request.extensions_mut();
    if let Some(reports) = extensions.get_mut::<Vec<Report>>() {
        reports.push(report);
    } else {
        extensions.insert(vec![report]);
    }
}

/// A handler's way to the small limits.
#[derive(Clone, Debug)]
pub struct Limiter {
    request: Rc<HttpRequest>,
    client: Client,
}

impl FromRequest for Limiter {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let client = request.extensions().get::<ClientAddress>().map(|address| Client::from(address.0));
        let unknown = || ApiError::Internal { cause: "a request without an address".into() };
        ready(client.ok_or_else(unknown).map(|client| Self { request: Rc::new(request.clone()), client }))
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
