//! Durations in words, for the message of a refused request: how long to wait, and how long a
//! window is.

use std::time::Duration;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Returns how long to wait, rounded up to a whole unit and at least one second: "12 minutes". The
/// unit is the largest of which the wait in seconds is a multiple, or at least twice as long.
pub fn wait_text(wait: Duration) -> String {
    let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let wait = milliseconds.div_ceil(SECOND).max(1).saturating_mul(SECOND);
    let fits = |unit: u64| wait.is_multiple_of(unit) || wait >= unit.saturating_mul(2);
    let (unit, name) = match wait {
        _ if fits(HOUR) => (HOUR, "hour"),
        _ if fits(MINUTE) => (MINUTE, "minute"),
        _ => (SECOND, "second"),
    };
    counted(wait.div_ceil(unit), name)
}

/// Returns the length of a window, exactly, as it follows "per": "15 minutes", "hour".
pub fn window_text(milliseconds: i64) -> String {
    let window = u64::try_from(milliseconds).unwrap_or(0);
    let (unit, name) = match window {
        _ if window.is_multiple_of(HOUR) => (HOUR, "hour"),
        _ if window.is_multiple_of(MINUTE) => (MINUTE, "minute"),
        _ if window.is_multiple_of(SECOND) => (SECOND, "second"),
        _ => (1, "millisecond"),
    };
    if window == unit { name.to_owned() } else { counted(window / unit, name) }
}

fn counted(count: u64, unit: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests;
