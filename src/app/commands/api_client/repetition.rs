//! Decides whether a request that the service does at most once is sent again, and when. Waits that
//! the service asks for are in `patience`.

use std::time::Duration;

use super::RequestError;

/// Pauses before a request is sent again, in seconds.
const PAUSES: [u64; 4] = [1, 2, 4, 8];
/// Longest wait for the first request to end, while the service says that it is still running.
const LONGEST_RUN: Duration = Duration::from_mins(5);

/// The repetitions of one request.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    /// Since the service last said that the first request is running.
    failures: usize,
    running: usize,
    waited: Duration,
    /// Whether an earlier request may have been done.
    may_be_done: bool,
}

impl Repetition {
    /// Returns the pause before the request is sent again; none if it is not. `reached` says
    /// whether the service ever responded to this command: if not, its address may be wrong.
    pub(super) fn pause(&mut self, error: &RequestError, reached: bool) -> Option<Duration> {
        match error {
            RequestError::Lost(_) => self.may_be_done = true,
            RequestError::Busy(_) => {}
            RequestError::Unreachable(_) if reached || self.failures > 0 => {}
            RequestError::Running(_) => return self.pause_while_running(),
            _ => return None,
        }
        let pause = PAUSES.get(self.failures).copied();
        self.failures = self.failures.saturating_add(1);
        pause.map(Duration::from_secs)
    }

    /// The service works, so that failures before this one do not count.
    fn pause_while_running(&mut self) -> Option<Duration> {
        self.may_be_done = true;
        let pause = PAUSES.get(self.running).or(PAUSES.last()).copied();
        let pause = Duration::from_secs(pause.unwrap_or_default());
        self.waited = self.waited.saturating_add(pause);
        (self.failures, self.running) = (0, self.running.saturating_add(1));
        Some(pause).filter(|_| self.waited <= LONGEST_RUN)
    }

    /// Returns the error of a request that is not sent again. What the last response was does not
    /// say what became of an earlier request, unless that was refused for its content.
    pub(super) fn conclude(self, error: RequestError) -> RequestError {
        match error {
            error @ (RequestError::Invalid(_) | RequestError::TooLarge(_)) => error,
            error if self.may_be_done => RequestError::Lost(error.to_string()),
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(repetition: &mut Repetition, error: &RequestError) -> Vec<u64> {
        let pauses = std::iter::from_fn(|| repetition.pause(error, true));
        pauses.map(|pause| pause.as_secs()).collect()
    }

    #[test]
    fn request_is_sent_again_four_times() {
        for error in [
            RequestError::Lost("x".into()),
            RequestError::Busy("x".into()),
            RequestError::Unreachable("x".into()),
        ] {
            assert_eq!(pauses(&mut Repetition::default(), &error), [1, 2, 4, 8], "{error:?}");
        }
        for error in [
            RequestError::Invalid(Vec::new()),
            RequestError::TooLarge("x".into()),
            RequestError::NotFound("x".into()),
            RequestError::failed("x"),
        ] {
            assert_eq!(Repetition::default().pause(&error, true), None, "{error:?}");
        }
    }

    #[test]
    fn service_that_never_responded_is_not_tried_again() {
        let unreachable = RequestError::Unreachable("x".into());
        assert_eq!(Repetition::default().pause(&unreachable, false), None);
        let mut repetition = Repetition::default();
        repetition.pause(&RequestError::Lost("x".into()), false).unwrap();
        assert!(repetition.pause(&unreachable, false).is_some(), "it was connected to before");
    }

    #[test]
    fn running_request_is_waited_for_and_failures_before_it_do_not_count() {
        let (lost, running) =
            (RequestError::Lost("x".into()), RequestError::Running("still running".into()));
        let mut repetition = Repetition::default();
        for _ in 0..3 {
            repetition.pause(&lost, true).unwrap();
        }
        let waits = pauses(&mut repetition, &running);
        assert_eq!(waits[..6], [1, 2, 4, 8, 8, 8]);
        let waited = Duration::from_secs(waits.iter().sum());
        assert!(waited <= LONGEST_RUN && waited + Duration::from_secs(8) > LONGEST_RUN);
        assert_eq!(pauses(&mut repetition, &lost), [1, 2, 4, 8]);
    }

    #[test]
    fn outcome_stays_unknown_after_a_lost_response() {
        let conclude = |first: Option<RequestError>, last: RequestError| {
            let mut repetition = Repetition::default();
            if let Some(error) = &first {
                repetition.pause(error, true);
            }
            repetition.conclude(last)
        };
        let lost = || Some(RequestError::Lost("x".into()));
        let busy = || RequestError::Busy("y".into());
        assert!(matches!(conclude(lost(), busy()), RequestError::Lost(text) if text == "y"));
        let refused = conclude(lost(), RequestError::failed("z"));
        assert!(matches!(refused, RequestError::Lost(text) if text.contains('z')));
        assert!(matches!(conclude(None, busy()), RequestError::Busy(_)));
        let invalid = RequestError::Invalid(Vec::new());
        assert!(matches!(conclude(lost(), invalid), RequestError::Invalid(_)));
    }
}
