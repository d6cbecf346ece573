//! The fields of an entry of the access log, passed to the logger without a copy.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use slog::{KV, Record, Serializer};

use crate::http::request::caller::LoggedCaller;

/// The fields of one entry.
pub(super) struct LoggedValues<'a> {
    pub(super) method: &'a Method,
    pub(super) path: Option<&'a str>,
    pub(super) route: &'a str,
    pub(super) status: StatusCode,
    pub(super) code: Option<&'static str>,
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) client: IpAddr,
    pub(super) caller: Option<&'a LoggedCaller>,
    pub(super) user_agent: Option<&'a str>,
}

/// Returns a time in milliseconds, with three places.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

impl KV for LoggedValues<'_> {
    /// Passes the last field first, as slog's own macros do.
    fn serialize(&self, _: &Record<'_>, fields: &mut dyn Serializer) -> slog::Result {
        emit_text(fields, "user_agent", self.user_agent)?;
        match self.caller.and_then(LoggedCaller::api_key) {
            Some(id) => fields.emit_arguments("api_key", &format_args!("{id}"))?,
            None => fields.emit_none("api_key")?,
        }
        emit_text(fields, "user", self.caller.map(LoggedCaller::name))?;
        fields.emit_arguments("client", &format_args!("{}", self.client))?;
        fields.emit_f64("duration_ms", milliseconds(self.took))?;
        fields.emit_u64("bytes", self.bytes)?;
        emit_text(fields, "code", self.code)?;
        fields.emit_u16("status", self.status.as_u16())?;
        fields.emit_str("route", self.route)?;
        emit_text(fields, "path", self.path)?;
        fields.emit_str("method", self.method.as_str())
    }
}

fn emit_text(fields: &mut dyn Serializer, name: &'static str, text: Option<&str>) -> slog::Result {
    match text {
        Some(text) => fields.emit_str(name, text),
        None => fields.emit_none(name),
    }
}
