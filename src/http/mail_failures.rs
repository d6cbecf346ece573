//! Logs mails that could not be sent. Anyone may request a password reset, so a broken mail server
//! must not become a flood of log events: of each cause the first failure is logged, those that
//! follow are counted and reported once per interval (`app::service::repeated_events`).

use std::time::Instant;

use slog::Logger;
use thiserror::Error;

use crate::actors::db_breaker::DbError;
use crate::mail::MailError;
use crate::telemetry::error_chain;
use crate::telemetry::repeated::RepeatedEvents;

/// Why a password reset email was not sent.
#[derive(Debug, Error)]
pub enum ResetMailError {
    #[error("failed to store the token")]
    Store(#[from] DbError),
    #[error("failed to send the mail")]
    Send(#[from] MailError),
}

impl ResetMailError {
    /// Returns the cause by which failures are counted together.
    fn cause(&self) -> &'static str {
        match self {
            Self::Store(_) => "database",
            Self::Send(MailError::QueueFull) => "queue_full",
            Self::Send(MailError::InvalidRecipient) => "invalid_recipient",
            Self::Send(MailError::Build(_)) => "invalid_message",
            Self::Send(MailError::Smtp(_)) => "smtp",
            Self::Send(MailError::File(_)) => "folder",
            Self::Send(MailError::Disabled) => "disabled",
        }
    }
}

/// Counts failures by their cause and logs them.
#[derive(Debug, Default)]
pub struct MailFailureLog {
    repeated: RepeatedEvents<&'static str>,
}

impl MailFailureLog {
    /// Logs a failure if it is the first of its cause in an interval, else counts it. Without
    /// `SMTP_URL` every mail fails; the log said so at startup.
    pub fn record(&self, logger: &Logger, error: &ResetMailError, request_id: Option<&str>) {
        let cause = error.cause();
        if matches!(error, ResetMailError::Send(MailError::Disabled)) {
            slog::debug!(logger, "failed to send password reset mail";
                "cause" => cause, "request_id" => request_id);
        } else if self.repeated.record(cause, Instant::now()) {
            slog::warn!(logger, "failed to send password reset mail";
                "cause" => cause, "error" => error_chain(error), "request_id" => request_id);
        }
    }

    /// Logs the numbers of failures whose interval has ended.
    pub fn report_due(&self, logger: &Logger) {
        report(logger, self.repeated.take_due(Instant::now()));
    }

    /// Logs the numbers of all failures that were not logged yet, for shutdown.
    pub fn report_all(&self, logger: &Logger) {
        report(logger, self.repeated.take_all());
    }
}

fn report(logger: &Logger, counts: Vec<(&'static str, u64)>) {
    for (cause, repeated) in counts {
        slog::warn!(logger, "failed to send password reset mail";
            "cause" => cause, "repeated" => repeated);
    }
}
