//! The rate limit headers of a response, in both generations: the IETF's
//! (draft-ietf-httpapi-ratelimit-headers) and the older `RateLimit-Limit`, `-Remaining`, `-Reset`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Wait, WindowState, seconds};

/// The state of one limit after a request, for the headers of its response.
#[derive(Clone, Copy, Debug)]
pub struct LimitReport {
    policy: Policy,
    quota: Quota,
    state: WindowState,
    /// Whether this limit refused the request.
    refused: bool,
}

impl LimitReport {
    /// Reports a hit that was taken, or the limit that refused the request.
    pub fn new(policy: Policy, quota: Quota, taken: Result<WindowState, Wait>) -> Self {
        let refused = |Wait(wait)| WindowState { remaining: 0, reset: wait };
        Self { policy, quota, state: taken.unwrap_or_else(refused), refused: taken.is_err() }
    }

    /// Adds the report to those of the request, for the headers of its response.
    pub fn add_to(self, request: &HttpRequest) {
        let mut extensions = request.extensions_mut();
        if let Some(reports) = extensions.get_mut::<Vec<Self>>() {
            reports.push(self);
        } else {
            extensions.insert(vec![self]);
        }
    }

    fn policy_item(&self) -> String {
        policy_item(self.policy, self.quota)
    }

    fn state_item(&self) -> String {
        let WindowState { remaining, reset } = self.state;
        format!("\"{}\";r={remaining};t={}", self.policy.as_ref(), seconds(reset))
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The constant header values of one policy; made once for the one that most responses carry.
#[derive(Clone, Debug)]
pub(super) struct PolicyLabel {
    policy: HeaderValue,
    limit: HeaderValue,
}

impl PolicyLabel {
    /// Formats the values of a policy.
    pub(super) fn new(policy: Policy, quota: Quota) -> Self {
        Self { policy: value(policy_item(policy, quota)), limit: HeaderValue::from(quota.limit) }
    }
}

fn policy_item(policy: Policy, quota: Quota) -> String {
    format!("\"{}\";q={};w={}", policy.as_ref(), quota.limit, seconds(quota.window))
}

fn value(text: String) -> HeaderValue {
    // Names and numbers are always valid.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Writes the headers for a response with one limit, whose label is `label`.
pub(super) fn write_one(headers: &mut HeaderMap, label: &PolicyLabel, report: &LimitReport) {
    headers.insert(POLICY, label.policy.clone());
    headers.insert(STATE, value(report.state_item()));
    headers.insert(LIMIT, label.limit.clone());
    headers.insert(REMAINING, HeaderValue::from(report.state.remaining));
    headers.insert(RESET, HeaderValue::from(seconds(report.state.reset)));
}

/// Writes the headers for all limits of a request. The older headers have room for one: the one
/// with the fewest hits left; of several, the one that refused the request, whose reset is the time
/// to wait.
pub(super) fn write_all(headers: &mut HeaderMap, reports: &[LimitReport]) {
    let tightest = reports.iter().min_by_key(|report| (report.state.remaining, !report.refused));
    let Some(tightest) = tightest else { return };
    write_one(headers, &PolicyLabel::new(tightest.policy, tightest.quota), tightest);
    let list = |item: fn(&LimitReport) -> String| {
        value(reports.iter().map(item).collect::<Vec<_>>().join(", "))
    };
    headers.insert(POLICY, list(LimitReport::policy_item));
    headers.insert(STATE, list(LimitReport::state_item));
}

#[cfg(test)]
mod tests;
