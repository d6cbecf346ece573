//! Counts and logs requests that a rate limit refused. A flood of refusals is no flood of log
//! events: beyond a number of events a second they are only counted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest};
use slog::Logger;

use crate::http::error::ApiError;
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::RequestId;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Wait, seconds};
use crate::telemetry::instruments::limits::RateLimitInstruments;

/// Log events in a second; the events beyond are counted.
const MAX_EVENTS: u32 = 10;
/// Logged length of a path or user agent, in characters.
const MAX_LOGGED: usize = 200;

/// Counts and logs refusals.
#[derive(Debug)]
pub struct RefusalLog {
    second: Mutex<Second>,
    instruments: RateLimitInstruments,
}

/// The events of the current second, and how many were suppressed since the last event.
#[derive(Debug, Default)]
struct Second {
    second: i64,
    events: u32,
    suppressed: u64,
}

/// A refused request.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitedRequest<'a> {
    pub policy: Policy,
    pub request: &'a HttpRequest,
    /// The pseudonym of the account that has no hit left, if it is not the address.
    pub subject: Option<&'a str>,
}

/// Makes the 429 of a policy.
pub fn rate_limited(policy: Policy, Wait(wait): Wait) -> ApiError {
    let retry_after = Duration::from_secs(u64::try_from(seconds(wait)).unwrap_or(1));
    ApiError::RateLimited { policy, retry_after }
}

impl RefusalLog {
    pub(super) fn new(instruments: RateLimitInstruments) -> Self {
        Self { second: Mutex::default(), instruments }
    }

    /// Counts a refusal, and logs it unless too many were logged in this second.
    pub fn record(&self, logger: &Logger, refused: &RateLimitedRequest<'_>, now: i64) {
        self.instruments.count_rejection(refused.policy.as_ref());
        let suppressed = {
            let mut current = self.second.lock().unwrap_or_else(PoisonError::into_inner);
            let second = now.div_euclid(1000);
            if current.second != second {
                (current.second, current.events) = (second, 0);
            }
            if current.events >= MAX_EVENTS {
                current.suppressed = current.suppressed.saturating_add(1);
                return;
            }
            current.events = current.events.saturating_add(1);
            std::mem::take(&mut current.suppressed)
        };
        let request = refused.request;
        let (client, id) = {
            let extensions = request.extensions();
            let client = extensions
                .get::<ClientAddress>()
                .map(|address| ClientPrefix::from(address.0).to_string());
            (client, extensions.get::<RequestId>().map(|id| id.0.clone()))
        };
        let agent =
            request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).map(prefix);
        slog::warn!(logger, "rate limit exceeded";
            "policy" => refused.policy.as_ref(), "client" => client,
            "method" => request.method().as_str(), "path" => prefix(request.path()),
            "route" => request.match_pattern(), "subject" => refused.subject,
            "user_agent" => agent, "request_id" => id, "suppressed" => suppressed);
    }
}

fn prefix(text: &str) -> &str {
    text.char_indices().nth(MAX_LOGGED).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
