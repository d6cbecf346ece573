//! How a client reads the change feed: a part of it, or a stream, which begins after the event that
//! the client has received last.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

use super::accepted_type::prefers;
use crate::http::error::ApiError;
use crate::http::media_type::EVENT_STREAM;
use crate::model::changes::{FeedStart, foreign_change_cursor};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How the change feed is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedFormat {
    Json,
    /// With the place after the last event, which goes before `since`: a browser that connects
    /// again sends the URL as it was.
    Stream(Option<FeedStart>),
}

impl FromRequest for FeedFormat {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(negotiate(request))
    }
}

fn negotiate(request: &HttpRequest) -> Result<FeedFormat, ApiError> {
    if !prefers(request, EVENT_STREAM) {
        return Ok(FeedFormat::Json);
    }
    let refused = || ApiError::Validation(foreign_change_cursor(LAST_EVENT_ID.as_str()));
    let mut sent = request.headers().get_all(LAST_EVENT_ID);
    let start = match (sent.next(), sent.next()) {
        (None, _) => None,
        (Some(id), None) => {
            let text = id.to_str().map_err(|_| refused())?;
            Some(FeedStart::parse(text.trim()).ok_or_else(refused)?)
        }
        (Some(_), Some(_)) => return Err(refused()),
    };
    Ok(FeedFormat::Stream(start))
}

#[cfg(test)]
mod tests;
