//! What an answer says about rate limits: both generations of `RateLimit` headers, the IETF's
//! (draft-ietf-httpapi-ratelimit-headers) and the older `RateLimit-Limit`, `-Remaining`, `-Reset`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::{Quota, Standing, seconds};

/// What a request was told about its limits, for the headers of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub policy: Policy,
    pub quota: Quota,
    /// Hits that are left, and milliseconds until there is one more.
    pub standing: Standing,
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What a limit always says of itself; made once, because most answers say it.
#[derive(Clone, Debug)]
pub struct Label {
    policy: HeaderValue,
    limit: HeaderValue,
}

impl Label {
    /// Of this limit.
    pub fn of(policy: Policy, quota: Quota) -> Self {
        Self { policy: text(described(policy, quota)), limit: HeaderValue::from(quota.most) }
    }
}

fn described(policy: Policy, quota: Quota) -> String {
    format!("\"{}\";q={};w={}", policy.as_ref(), quota.most, seconds(quota.window))
}

fn stands(policy: Policy, standing: Standing) -> String {
    format!("\"{}\";r={};t={}", policy.as_ref(), standing.remaining, seconds(standing.reset))
}

fn text(text: String) -> HeaderValue {
    // Names and numbers only.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Writes where a client stands with one limit.
pub(super) fn write_one(
    headers: &mut HeaderMap,
    label: &Label,
    policy: Policy,
    standing: Standing,
) {
    headers.insert(POLICY, label.policy.clone());
    headers.insert(STANDING, text(stands(policy, standing)));
    headers.insert(LIMIT, label.limit.clone());
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(seconds(standing.reset)));
}

/// Writes what is known about limits; the older headers have room for one, and tell of the
/// tightest.
pub fn write(headers: &mut HeaderMap, reports: &[Report]) {
    let Some(tightest) = reports.iter().min_by_key(|report| report.standing.remaining) else {
        return;
    };
    write_one(
        headers,
        &Label::of(tightest.policy, tightest.quota),
        tightest.policy,
        tightest.standing,
    );
    let each =
        |text: fn(&Report) -> String| reports.iter().map(text).collect::<Vec<_>>().join(", ");
    headers.insert(POLICY, text(each(|report| described(report.policy, report.quota))));
    headers.insert(STANDING, text(each(|report| stands(report.policy, report.standing))));
}
