//! The errors of requests that actix-http refuses before the application, by the status of its
//! response (`http::connections::responder`).

use super::ApiError;

impl ApiError {
    /// Returns the error for which the HTTP parser answers with this status.
    pub fn from_parser(status: u16) -> Self {
        match status {
            400 => Self::Unparsable,
            408 => Self::HeadTimeout,
            431 => Self::HeadTooLarge,
            _ => Self::Internal { cause: "the HTTP parser lost track of a body".into() },
        }
    }
}
