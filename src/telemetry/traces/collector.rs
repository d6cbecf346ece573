//! The HTTP client that sends spans to the collector. It blocks, because the exporter's thread has
//! no runtime.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::blocking::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::TraceError;
use crate::config::ConfigError;
use crate::telemetry::error_chain::error_chain;

/// Timeout of one request to the collector.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest response that is read, in bytes; a collector says little.
const RESPONSE_BYTES: u64 = 64 * 1024;

/// Why the last request failed, if it did. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<String>>>);

impl LastFailure {
    fn set(&self, cause: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    /// Returns the cause, without the address.
    pub(super) fn cause(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sends requests with the configured headers.
#[derive(Debug)]
pub(super) struct CollectorClient {
    client: Client,
    last_failure: LastFailure,
}

impl CollectorClient {
    /// Creates the client. The headers may be secret.
    pub(super) fn new(
        headers: Vec<(String, SecretString)>,
        last_failure: LastFailure,
    ) -> Result<Self, TraceError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let unusable = || ConfigError::new("OTEL_EXPORTER_OTLP_HEADERS", "cannot be sent");
            let name = HeaderName::try_from(name).map_err(|_| unusable())?;
            let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| unusable())?;
            value.set_sensitive(true);
            map.append(name, value);
        }
        let build = || {
            Client::builder()
                .default_headers(map)
                .connect_timeout(Duration::from_secs(5))
                .timeout(RESPONSE_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
        };
        // A blocking client cannot be built on a thread with a runtime.
        let client = std::thread::scope(|scope| scope.spawn(build).join());
        let client = client.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Self { client: client.map_err(TraceError::HttpClient)?, last_failure })
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::blocking::Request::try_from(request)?;
        let response = self.client.execute(request).map_err(reqwest::Error::without_url)?;
        let mut answer = Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = Vec::new();
        response.take(RESPONSE_BYTES).read_to_end(&mut body)?;
        Ok(answer.body(body.into())?)
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.send(request);
        self.last_failure.set(match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(response.status().to_string()),
            Err(error) => Some(error_chain(error.as_ref())),
        });
        response
    }
}
