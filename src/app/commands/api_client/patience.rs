//! How long the client waits for a service that refuses requests for a while (RFC 9110, section
//! 10.2.3). What it waits is bounded for the whole command, and it says that it waits.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Longest wait in all for rate limits: a window may take a quarter of an hour.
const FOR_RATE_LIMITS: Duration = Duration::from_hours(1);
/// Longest wait in all for a service that is overloaded or has no database.
const FOR_THE_SERVICE: Duration = Duration::from_mins(5);

/// Shortest wait before a request is sent again.
const SHORTEST: Duration = Duration::from_secs(1);

/// The waits that are left to a command.
#[derive(Debug)]
pub(super) struct Patience {
    for_rate_limits: Duration,
    for_the_service: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { for_rate_limits: FOR_RATE_LIMITS, for_the_service: FOR_THE_SERVICE }
    }
}

impl Patience {
    /// Takes a wait from what is left; the error says that it is too long.
    pub(super) fn spend(&mut self, status: StatusCode, wait: Duration) -> Result<(), String> {
        let (left, all) = if status == StatusCode::TOO_MANY_REQUESTS {
            (&mut self.for_rate_limits, FOR_RATE_LIMITS)
        } else {
            (&mut self.for_the_service, FOR_THE_SERVICE)
        };
        *left = left.checked_sub(wait).ok_or_else(|| {
            format!(
                "it asks to wait {} s, and the command waits {} min in all; try again later",
                wait.as_secs(),
                all.as_secs() / 60
            )
        })?;
        Ok(())
    }
}

/// Returns the wait after which a refused request may be sent again, if the service names it: in
/// seconds, or as a time.
pub(super) fn requested_wait(
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
) -> Option<Duration> {
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let value = headers.get(RETRY_AFTER).filter(|_| busy.contains(&status))?;
    let value = value.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let time = SystemTime::from(value.parse::<HttpDate>().ok()?);
        // One that has passed is no wait.
        time.duration_since(now).unwrap_or_default()
    };
    Some(wait.max(SHORTEST))
}

/// Says that the command waits.
pub(super) fn announcement(base: &str, status: StatusCode, wait: Duration) -> String {
    format!("{base} responded with {status}; waiting {} s", wait.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_bounded_for_the_whole_command() {
        let mut patience = Patience::default();
        let (limit, busy) = (StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE);
        for _ in 0..4 {
            assert_eq!(patience.spend(limit, Duration::from_mins(15)), Ok(()));
        }
        let refused = patience.spend(limit, Duration::from_secs(1)).unwrap_err();
        assert!(refused.contains("wait 1 s") && refused.contains("60 min"), "{refused}");
        assert_eq!(patience.spend(busy, Duration::from_mins(5)), Ok(()));
        assert!(patience.spend(busy, Duration::from_secs(1)).is_err());
    }

    #[test]
    fn only_refusals_with_a_time_are_repeated() {
        let headers = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static(value));
            headers
        };
        // Fri, 31 Dec 1999 23:59:59 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_799);
        let wait = |status, value| requested_wait(status, &headers(value), now);
        let limit = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(wait(limit, "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(limit, "0"), Some(Duration::from_secs(1)));
        let minute = Some(Duration::from_mins(1));
        assert_eq!(wait(limit, "Sat, 01 Jan 2000 00:00:59 GMT"), minute);
        assert_eq!(wait(limit, "Fri, 31 Dec 1999 23:59:00 GMT"), Some(SHORTEST));
        assert_eq!(wait(limit, "soon"), None);
        assert_eq!(wait(StatusCode::GATEWAY_TIMEOUT, "7"), None);
        assert_eq!(requested_wait(limit, &HeaderMap::new(), now), None);
    }
}
