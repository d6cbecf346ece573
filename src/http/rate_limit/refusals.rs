//! Counts and logs requests that a rate limit refused. A flood of refusals is no flood of log
//! events: of each policy the first is logged with its request, those that follow are counted and
//! reported once per interval (`app::service::repeated_events`).

use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use slog::Logger;

use crate::http::error::ApiError;
use crate::http::request::context::RequestContext;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Wait, seconds};
use crate::telemetry::instruments::limits::RateLimitInstruments;
use crate::telemetry::repeated::RepeatedEvents;

/// Logged length of a path or user agent, in characters.
const MAX_LOGGED: usize = 200;

/// Counts and logs refusals.
#[derive(Debug)]
pub struct RefusalLog {
    repeated: RepeatedEvents<Policy>,
    instruments: RateLimitInstruments,
}

/// A refused request.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitedRequest<'a> {
    pub policy: Policy,
    pub request: &'a HttpRequest,
    /// The caller, or the pseudonym of the account, that has no hit left, if it is not the address.
    pub subject: Option<&'a str>,
}

/// Makes the 429 of a policy.
pub fn rate_limited(policy: Policy, quota: Quota, Wait(wait): Wait) -> ApiError {
    let retry_after = Duration::from_secs(u64::try_from(seconds(wait)).unwrap_or(1));
    ApiError::RateLimited { policy, quota, retry_after }
}

impl RefusalLog {
    pub(super) fn new(instruments: RateLimitInstruments) -> Self {
        Self { repeated: RepeatedEvents::default(), instruments }
    }

    /// Counts a refusal, and logs it if it is the first of its policy in an interval. `logger` is
    /// for a request that has none of its own.
    pub fn record(&self, logger: &Logger, refused: &RateLimitedRequest<'_>) {
        self.instruments.count_rejection(refused.policy.as_ref());
        if self.repeated.record(refused.policy, Instant::now()) {
            log_first(logger, refused);
        }
    }

    /// Logs the numbers of refusals whose interval has ended.
    pub fn report_due(&self, logger: &Logger) {
        report(logger, self.repeated.take_due(Instant::now()));
    }

    /// Logs the numbers of all refusals that were not logged yet, for shutdown.
    pub fn report_all(&self, logger: &Logger) {
        report(logger, self.repeated.take_all());
    }
}

fn report(logger: &Logger, counts: Vec<(Policy, u64)>) {
    for (policy, repeated) in counts {
        slog::warn!(logger, "rate limit exceeded";
            "policy" => policy.as_ref(), "repeated" => repeated);
    }
}

fn log_first(logger: &Logger, refused: &RateLimitedRequest<'_>) {
    let request = refused.request;
    let own_logger = RequestContext::logger(request);
    let client = RequestContext::client_prefix(request).map(|client| client.to_string());
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let (route, subject) = (RequestContext::route(request), refused.subject);
    // The logger of the request has its ids.
    slog::warn!(own_logger.as_ref().unwrap_or(logger), "rate limit exceeded";
        "policy" => refused.policy.as_ref(), "client" => client,
        "method" => request.method().as_str(), "path" => prefix(request.path()),
        "route" => route.as_deref(), "subject" => subject, "user_agent" => agent.map(prefix));
}

fn prefix(text: &str) -> &str {
    text.char_indices().nth(MAX_LOGGED).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
