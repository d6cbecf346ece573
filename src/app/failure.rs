//! How a command ends that did not do what it was asked.

use std::io::Write;
use std::process::ExitCode;

use crate::actors::db_breaker::DbError;
use crate::http::error::ApiError;
use crate::model::violations::Violation;

/// A message for the operator, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// It was tried and did not work.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// It was not tried: the command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// The input breaks rules; one a line.
    pub fn invalid(violations: &[Violation]) -> Self {
        const SHOWN: usize = 50;
        let mut lines: Vec<String> = violations
            .iter()
            .take(SHOWN)
            .map(|Violation { field, message }| format!("  {field}: {message}"))
            .collect();
        if let Some(more) = violations.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("  … and {more} more"));
        }
        Self::new(format!("nothing was written; the input is not valid:\n{}", lines.join("\n")))
    }

    /// Says it on stderr.
    pub fn tell(&self) -> ExitCode {
        let _ = writeln!(std::io::stderr().lock(), "mdl: {}", self.message);
        ExitCode::from(self.code)
    }
}

/// On the operator's own terminal the cause may be told.
impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match ApiError::from(error) {
            ApiError::Validation(violations) => Self::invalid(&violations),
            error => match error.cause() {
                Some(cause) => Self::new(format!("{error}: {cause}")),
                None => Self::new(error.to_string()),
            },
        }
    }
}
