//! The limits of the service: who takes a hit of what, before the work is done, and whether it is given back afterwards.
//!
//! The general limit lives in memory. The small ones are counted in the database, so that all processes share them and a
//! restart forgets nothing; a memory of one's own hits in front of it turns a flood away without a statement.

mod guard;
mod password;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};
use slog::Logger;

pub use self::guard::{Against, Limiter};
use self::password::KnownAddresses;
pub use self::password::failed;
use super::error::ApiError;
use super::middleware::limit::Label;
use crate::limits::address::Client;
use crate::limits::policy::{Policy, Quotas};
use crate::limits::shield::Shield;
use crate::limits::window::{Quota, Standing, Wait, seconds};
use crate::telemetry::instruments::limits::LimitInstruments;

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
    known_addresses: KnownAddresses,
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
            known_addresses: KnownAddresses::default(),
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
