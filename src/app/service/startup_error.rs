//! Why the database could not be prepared at startup, and when that is logged.

use std::error::Error;
use std::time::{Duration, Instant};

/// Interval in which a cause that repeats is logged again.
const REMINDER_INTERVAL: Duration = Duration::from_mins(1);

/// An error of one startup attempt.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartupError {
    /// The next attempt may succeed.
    #[error(transparent)]
    Temporary(Box<dyn Error + Send + Sync>),
    /// No attempt succeeds until the operator does what the message says.
    #[error("{0}")]
    NeedsOperator(String),
}

impl StartupError {
    /// Wraps an error after which another attempt may succeed.
    pub(super) fn temporary(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Temporary(error.into())
    }
}

/// The cause that was logged last. One that repeats is logged once a minute.
#[derive(Debug, Default)]
pub(super) struct LoggedCause(Option<(String, Instant)>);

impl LoggedCause {
    /// Returns whether to log this cause now, and if so keeps it as the last one.
    pub(super) fn is_due(&mut self, cause: &str, now: Instant) -> bool {
        let is_repeated = self.0.as_ref().is_some_and(|(logged, at)| {
            logged == cause && now.saturating_duration_since(*at) < REMINDER_INTERVAL
        });
        if !is_repeated {
            self.0 = Some((cause.to_owned(), now));
        }
        !is_repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_is_logged_at_once_and_again_each_minute() {
        let (mut logged, start) = (LoggedCause::default(), Instant::now());
        // An attempt each second, for three minutes.
        let due = (0..180)
            .filter(|second| logged.is_due("wrong password", start + Duration::from_secs(*second)));
        assert_eq!(due.collect::<Vec<_>>(), [0, 60, 120]);
        let now = start + Duration::from_mins(3);
        assert!(logged.is_due("no grants", now) && logged.is_due("wrong password", now));
    }
}
