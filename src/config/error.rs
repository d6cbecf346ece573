//! Errors of the configuration. Their text names the variable and never contains a secret.

/// A variable whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    variable: String,
    problem: String,
}

impl ConfigError {
    /// Creates the error; `problem` continues a sentence that begins with the variable's name.
    pub fn new(variable: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { variable: variable.into(), problem: problem.into() }
    }
}
