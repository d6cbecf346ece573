//! What the pages say about the state of an API key: its status, and what its owner should look at.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::super::elements::{status, time};
use crate::model::api_keys::KeyStatus;
use crate::storage::api_keys::KeyRow;

/// How long before its expiry a key has a warning.
const WARNING: TimeDelta = TimeDelta::days(14);

/// The status, with a warning if the key expires soon.
pub(super) fn key_status(key: &KeyRow, now: DateTime<Utc>) -> Markup {
    html! {
        (status(key.status(now).as_ref()))
        @if let Some(warning) = expiry_warning(key, now) { " " span.warning { (warning) } }
    }
}

/// Returns a warning if the key can be used and expires soon.
fn expiry_warning(key: &KeyRow, now: DateTime<Utc>) -> Option<String> {
    let left = key.expires_at.filter(|_| key.status(now) == KeyStatus::Active)? - now;
    if left > WARNING {
        return None;
    }
    Some(match (left.num_days(), left.num_hours()) {
        (0, 0) => format!("Expires in {} min", left.num_minutes()),
        (0, hours) => format!("Expires in {hours} h"),
        (1, _) => "Expires in a day".to_owned(),
        (days, _) => format!("Expires in {days} days"),
    })
}

/// The time of an event that may not have happened.
pub(super) fn time_or(instant: Option<DateTime<Utc>>, otherwise: &str) -> Markup {
    html! { @if let Some(instant) = instant { (time(instant)) } @else { (otherwise) } }
}

/// When and from where a key was last used.
pub(super) fn last_use(key: &KeyRow, never: &str) -> Markup {
    html! {
        (time_or(key.last_used_at, never))
        @if let Some(address) = &key.last_used_ip { " from " (address) }
    }
}

/// Whether a key that was replaced is still in use: its last use since then, or that there is none.
pub(super) fn use_since_rotation(old: &KeyRow, successor: &KeyRow, now: DateTime<Utc>) -> Markup {
    let used = old.last_used_at.filter(|at| *at >= successor.created_at);
    html! {
        @if let Some(used) = used {
            span.warning {
                "The old key was used since, last at " (time(used))
                @if let Some(address) = &old.last_used_ip { " from " (address) }
                "."
            }
        } @else {
            "The old key has not been used since."
        }
        @if old.status(now) == KeyStatus::Active {
            " It is valid until " (time_or(old.expires_at, "it is revoked")) "."
        } @else {
            " It is no longer valid."
        }
    }
}
