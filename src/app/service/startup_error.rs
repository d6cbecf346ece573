//! Why startup has to be tried again, or cannot succeed.

/// Why the database cannot be used yet.
#[derive(PartialEq, Eq)]
pub(super) enum StartupError {
    /// It is unavailable, or something failed that may work next time.
    Failed(String),
    /// It needs the operator, as this line says.
    NeedsOperator(String),
}

impl From<String> for StartupError {
    fn from(cause: String) -> Self {
        Self::Failed(cause)
    }
}
