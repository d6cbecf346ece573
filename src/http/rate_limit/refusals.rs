//! Refusals are counted, and logged with who was refused what; a flood of them is not a flood of
//! log events.

use std::sync::{Mutex, PoisonError};

use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest};
use slog::Logger;

use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::RequestId;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::Policy;
use crate::telemetry::instruments::limits::LimitInstruments;

/// The most log events about refusals in a second; the rest is counted.
const EVENTS: u32 = 10;
/// What is logged of a path or user agent at most, in characters.
const LONGEST: usize = 200;

/// Counts and logs refusals.
#[derive(Debug)]
pub struct Refusals {
    second: Mutex<Second>,
    instruments: LimitInstruments,
}

/// Events about refusals in this second, and how many were left out since the last one.
#[derive(Debug, Default)]
struct Second {
    second: i64,
    events: u32,
    suppressed: u64,
}

/// A refused request.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// By which limit.
    pub policy: Policy,
    pub request: &'a HttpRequest,
    /// The subject that has no hit left, if it is not the address: an account only by the start of
    /// its hash.
    pub subject: Option<&'a str>,
}

impl Refusals {
    pub(super) fn new(instruments: LimitInstruments) -> Self {
        Self { second: Mutex::default(), instruments }
    }

    /// Counts a refusal, and logs it unless there were many in this second.
    pub fn record(&self, logger: &Logger, refused: &Refused<'_>, now: i64) {
        self.instruments.rejected(refused.policy.as_ref());
        let suppressed = {
            let mut current = self.second.lock().unwrap_or_else(PoisonError::into_inner);
            let second = now.div_euclid(1000);
            if current.second != second {
                (current.second, current.events) = (second, 0);
            }
            if current.events >= EVENTS {
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
                .map(|address| Client::from(address.0).to_string());
            (client, extensions.get::<RequestId>().map(|id| id.0.clone()))
        };
        let agent =
            request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).map(start);
        slog::warn!(logger, "rate limit exceeded";
            "policy" => refused.policy.as_ref(), "client" => client, "method" => request.method().as_str(),
            "path" => start(request.path()), "route" => request.match_pattern(), "subject" => refused.subject,
            "user_agent" => agent, "request_id" => id, "suppressed" => suppressed);
    }
}

fn start(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
