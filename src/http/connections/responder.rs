//! Completes the responses that actix-http writes without the application
//! (`bare_head`): error body, request id, security headers. Such a request never reaches
//! the access log; it is counted, and logged at level debug, because a stranger can send many.

use std::net::SocketAddr;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{ResponseError, web};
use slog::Logger;
use uuid::Uuid;

use super::bare_head::BareHead;
use crate::clock::Clock;
use crate::http::AppState;
use crate::http::envelope::ErrorBody;
use crate::http::error::ApiError;
use crate::http::media_type::JSON;
use crate::http::middleware::security::{SecurityHeaders, set_cache_control};
use crate::http::request::class::RequestKind;
use crate::http::request::request_id::{HEADER, to_header};
use crate::telemetry::instruments::connections::ConnectionInstruments;

/// Completes responses of the parser, for all connections of a listener.
#[derive(Clone, Debug)]
pub struct Responder {
    pub security_headers: SecurityHeaders,
    pub clock: Clock,
    pub instruments: ConnectionInstruments,
    pub logger: Logger,
}

impl Responder {
    /// Makes one with the services of the application.
    pub fn new(state: &web::Data<AppState>) -> Self {
        Self {
            security_headers: state.middleware.security_headers,
            clock: state.clock.clone(),
            instruments: state.instruments.connections.clone(),
            logger: state.logger.clone(),
        }
    }

    /// Makes the response that replaces this head; without its body if the request was HEAD
    /// (RFC 9110, 9.3.2).
    pub(super) fn complete(
        &self,
        head: &BareHead<'_>,
        peer: Option<SocketAddr>,
        is_head_request: bool,
    ) -> Vec<u8> {
        let error = ApiError::from_parser(head.status);
        let uuid = Uuid::now_v7();
        let id = uuid.to_string();
        self.instruments.count_parse_error(head.status);
        slog::debug!(self.logger, "request refused by the HTTP parser";
            "status" => head.status, "request_id" => &id,
            "client" => peer.map(|peer| peer.ip().to_canonical().to_string()));
        let body = ErrorBody::new(&error, None, &id, self.clock.now());
        let body = serde_json::to_string(&body).unwrap_or_default();

        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(HeaderName::from_static(HEADER), to_header(uuid));
        let kind = RequestKind::Unmatched;
        self.security_headers.insert_into(&mut headers, kind);
        set_cache_control(&mut headers, &Method::GET, kind, error.status_code());

        let mut response = head.status_line.to_vec();
        let length = format!("\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        response.extend_from_slice(length.as_bytes());
        for (name, value) in &headers {
            response.extend_from_slice(name.as_str().as_bytes());
            response.extend_from_slice(b": ");
            response.extend_from_slice(value.as_bytes());
            response.extend_from_slice(b"\r\n");
        }
        response.extend_from_slice(b"date: ");
        response.extend_from_slice(head.date);
        response.extend_from_slice(b"GMT\r\n\r\n");
        if !is_head_request {
            response.extend_from_slice(body.as_bytes());
        }
        response
    }
}

#[cfg(test)]
mod tests;
