//! The error of a command: a message for the operator on stderr, and the exit code. `mdl diff` has
//! the exit codes of other comparisons (`diff`, `cmp`): 1 is its result, 2 an error.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use crate::actors::db_breaker::DbError;
use crate::http::error::ApiError;
use crate::model::violations::Violation;
use crate::telemetry::error_chain;

/// Violations that are printed; more are counted.
const MAX_SHOWN_VIOLATIONS: usize = 50;

/// The title of violations of a command that writes.
const INVALID_INPUT: &str = "nothing was written; the input is not valid";

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command was tried and failed: exit code 1.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
    /// The command was not tried, because the command line or the configuration is wrong: exit
    /// code 2.
    #[error(transparent)]
    Usage(Box<dyn Error + Send + Sync>),
    /// The command has shown a state that needs attention: exit code 3.
    #[error("{0}")]
    Attention(String),
    /// What was compared differs, which the command has printed: exit code 1.
    #[error("there are differences")]
    Different,
}

impl CommandError {
    /// Creates the error of a command that was tried; from an error or a message.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// Creates the error of a wrong command line or configuration; from an error or a message.
    pub fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Usage(error.into())
    }

    /// Gives every error the exit code 2, for commands whose exit code 1 is a result.
    #[must_use]
    pub fn into_trouble(self) -> Self {
        match self {
            Self::Failed(error) => Self::Usage(error),
            other => other,
        }
    }

    /// Lists the violations of the input of a command that writes, one a line.
    pub fn invalid_input(violations: &[Violation]) -> Self {
        Self::violations(INVALID_INPUT, violations)
    }

    /// Lists violations after a title, one a line.
    pub fn violations(title: &str, violations: &[Violation]) -> Self {
        let mut lines: Vec<String> = violations
            .iter()
            .take(MAX_SHOWN_VIOLATIONS)
            .map(|Violation { field, message }| format!("  {field}: {message}"))
            .collect();
        let omitted = violations.len().saturating_sub(MAX_SHOWN_VIOLATIONS);
        if omitted > 0 {
            lines.push(format!("  … and {omitted} more"));
        }
        Self::failed(format!("{title}:\n{}", lines.join("\n")))
    }

    /// Prints the error and its sources to stderr and returns the exit code.
    pub fn report(&self) -> ExitCode {
        if !matches!(self, Self::Different) {
            let _ = writeln!(std::io::stderr().lock(), "mdl: {}", error_chain(self));
        }
        match self {
            Self::Failed(_) | Self::Different => ExitCode::FAILURE,
            Self::Usage(_) => ExitCode::from(2),
            Self::Attention(_) => ExitCode::from(3),
        }
    }
}

/// Unlike an API response, the operator's terminal may show the cause.
impl From<DbError> for CommandError {
    fn from(error: DbError) -> Self {
        Self::from_database(INVALID_INPUT, error)
    }
}

impl CommandError {
    /// Creates the error of a call of the database; violations are listed after `title`.
    pub fn from_database(title: &str, error: DbError) -> Self {
        match ApiError::from(error) {
            ApiError::Validation(violations) => Self::violations(title, &violations),
            error => match error.cause() {
                Some(cause) => Self::failed(format!("{error}: {cause}")),
                None => Self::failed(error.to_string()),
            },
        }
    }
}
