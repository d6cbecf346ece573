//! The clock, passed in wherever something depends on the time, so that tests move it instead of
//! sleeping.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// Now, in the microseconds that `PostgreSQL` keeps, so that what is stored and what is
    /// answered are the same.
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = TimeDelta::try_seconds(self.ahead.load(Ordering::SeqCst)).unwrap_or_default();
        let now = Utc::now() + ahead;
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Moves this clock, and every copy of it, ahead.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

/// An instant as the API writes it: RFC 3339 in UTC, with microseconds.
pub fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The same, for serde: chrono itself leaves out digits that are 0.
///
/// # Errors
/// Those of the serializer.
pub fn micros<S: serde::Serializer>(
    instant: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_one_spelling() {
        #[derive(serde::Serialize)]
        struct At(#[serde(serialize_with = "micros")] DateTime<Utc>);
        for microseconds in [0, 292_000, 320_741] {
            let instant =
                DateTime::from_timestamp_micros(1_800_000_000_000_000 + microseconds).unwrap();
            assert_eq!(
                serde_json::to_string(&At(instant)).unwrap(),
                format!("{:?}", rfc3339(instant))
            );
        }
    }
}
