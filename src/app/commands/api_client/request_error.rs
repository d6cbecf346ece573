//! Why a request to a service failed.

use reqwest::StatusCode;
use serde::Deserialize;

use crate::app::command_error::CommandError;
use crate::model::violations::Violation;
use crate::telemetry::error_chain;

/// Why a request failed. Those that a caller treats in its own way are variants.
#[derive(Debug)]
pub(in crate::app) enum RequestError {
    /// The violations that the service reports.
    Invalid(Vec<Violation>),
    /// The body is larger than the service accepts.
    TooLarge(String),
    /// The route does not exist.
    NotFound(String),
    /// The service cannot be connected to.
    Unreachable(String),
    /// The request was refused for now, and has changed nothing.
    Busy(String),
    /// An earlier request with the same `Idempotency-Key` is still running.
    Running(String),
    /// The request was sent, and its response did not arrive or does not know its outcome.
    Lost(String),
    Failed(CommandError),
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: ReceivedError,
}

#[derive(Deserialize)]
struct ReceivedError {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<Violation>,
}

impl RequestError {
    /// Creates an error from a message.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(CommandError::failed(message.into()))
    }

    /// Creates the error of a request that has no response.
    pub(super) fn from_transport(base: &str, error: reqwest::Error) -> Self {
        let (is_connect, is_builder) = (error.is_connect(), error.is_builder());
        let message = format!("{base}: {}", cause(error));
        match (is_connect, is_builder) {
            (_, true) => Self::failed(message),
            (true, _) => Self::Unreachable(message),
            _ => Self::Lost(message),
        }
    }

    /// Creates the error of a response that is no success.
    pub(super) fn from_response(base: &str, status: StatusCode, body: &[u8]) -> Self {
        let message = match serde_json::from_slice::<ErrorResponse>(body) {
            Ok(ErrorResponse { error }) if !error.details.is_empty() => {
                return Self::Invalid(error.details);
            }
            Ok(ErrorResponse { error }) => format!("{}: {}", error.code, error.message),
            Err(_) => format!("{base} responded with {status}"),
        };
        match status {
            // What the request did is not known.
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Lost(message),
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => Self::Busy(message),
            StatusCode::CONFLICT if message.contains("Idempotency-Key") => Self::Running(message),
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(message),
            StatusCode::NOT_FOUND => Self::NotFound(message),
            _ => Self::failed(message),
        }
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(violations) => CommandError::invalid_input(violations).fmt(out),
            Self::TooLarge(message)
            | Self::NotFound(message)
            | Self::Unreachable(message)
            | Self::Busy(message)
            | Self::Running(message)
            | Self::Lost(message) => out.write_str(message),
            Self::Failed(error) => error.fmt(out),
        }
    }
}

impl From<RequestError> for CommandError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Invalid(violations) => Self::invalid_input(&violations),
            RequestError::Failed(error) => error,
            error => Self::failed(error.to_string()),
        }
    }
}

/// Returns the error with its causes, and without the URL, which may be long.
pub(super) fn cause(error: reqwest::Error) -> String {
    error_chain(&error.without_url())
}
