//! The errors of starting the logger.

/// Logging that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error(
        "LOG_LEVEL must be error, warning, info, debug or trace, \
         or a list such as info,mdl::storage=debug"
    )]
    Level,
    /// A variable of the sinks cannot be used; the message names it.
    #[error("{0}")]
    Sink(String),
    #[error("{variable}: this build does not include the feature {feature}")]
    FeatureMissing { variable: &'static str, feature: &'static str },
    #[error("failed to create the HTTP client of a log sink")]
    HttpClient(#[source] reqwest::Error),
    #[error("failed to start the thread of a log sink")]
    Thread(#[from] std::io::Error),
}
