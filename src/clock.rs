//! The clock. It is passed to whatever depends on the time, so that tests advance it and need not
//! sleep. Also the text form of instants in the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The system clock, with an offset that tests can set.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Seconds ahead of the system clock.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the current time in microseconds, the resolution of `PostgreSQL`, so that a stored
    /// instant equals the one in the response.
    pub fn now(&self) -> DateTime<Utc> {
        let offset = TimeDelta::try_seconds(self.offset.load(Ordering::SeqCst)).unwrap_or_default();
        let now = Utc::now() + offset;
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Advances this clock and all its clones.
    pub fn advance(&self, by: TimeDelta) {
        self.offset.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

/// Formats an instant as the API does: RFC 3339 in UTC, with microseconds.
pub fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Serialises an instant like [`rfc3339`]; chrono's own serialisation omits trailing zeros.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize_micros<S: serde::Serializer>(
    instant: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialised_instant_equals_the_formatted_one() {
        #[derive(serde::Serialize)]
        struct Sample(#[serde(serialize_with = "serialize_micros")] DateTime<Utc>);
        for microseconds in [0, 292_000, 320_741] {
            let instant =
                DateTime::from_timestamp_micros(1_800_000_000_000_000 + microseconds).unwrap();
            assert_eq!(
                serde_json::to_string(&Sample(instant)).unwrap(),
                format!("{:?}", rfc3339(instant))
            );
        }
    }
}
