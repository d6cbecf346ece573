//! Elasticsearch and its fork OpenSearch, through `_bulk`. It uses plain HTTP, because the official
//! client has only alpha releases and refuses OpenSearch.
//!
//! Each event is *created* under an id of its own. An event that is sent twice, because a response
//! was lost, is therefore stored once, and the index may be a data stream, which accepts no other
//! operation.

use std::fmt::Write;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::buffer::{BatchLimits, BufferedEvent};
use super::sink::{Delivery, EventDelivery, Sink, describe, shorten};
use crate::config::ShippingConfig;
use crate::telemetry::LoggingError;

/// A batch of 5 MiB is far below the 100 MiB that Elasticsearch accepts by default
/// (`http.max_content_length`) and in the range that its guide "Tune for indexing speed" suggests.
const LIMITS: BatchLimits =
    BatchLimits { events: 1000, bytes: 5 * 1024 * 1024, overhead: 256, span: TimeDelta::MAX };
/// Longest response that is read, in bytes: enough for errors of a thousand events.
const RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// A client for one index.
pub(super) struct Elasticsearch {
    client: Client,
    url: SecretString,
    index: String,
    instance: Uuid,
}

#[derive(Deserialize)]
struct BulkResponse {
    items: Vec<BulkItem>,
}

#[derive(Deserialize)]
struct BulkItem {
    create: CreateResult,
}

#[derive(Deserialize)]
struct CreateResult {
    status: u16,
    error: Option<serde_json::Value>,
}

impl Elasticsearch {
    /// Creates a client for the configured index.
    pub(super) fn new(config: &ShippingConfig, instance: Uuid) -> Result<Self, LoggingError> {
        let url = config.elasticsearch_url().map_err(invalid)?;
        let index = config.elasticsearch_index().map_err(invalid)?;
        let mut headers = HeaderMap::new();
        if let Some(key) = config.elasticsearch_api_key().map_err(invalid)? {
            let value = HeaderValue::try_from(format!("ApiKey {}", key.expose_secret()));
            let mut value =
                value.map_err(|_| invalid("ELASTICSEARCH_API_KEY cannot be sent in a header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(LoggingError::HttpClient)?;
        let url = format!(
            "{}/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason",
            url.expose_secret()
        );
        Ok(Self { client, url: url.into(), index, instance })
    }

    fn body(&self, batch: &[BufferedEvent]) -> String {
        let size = batch.iter().map(|event| event.line.len().saturating_add(LIMITS.overhead)).sum();
        let mut body = String::with_capacity(size);
        for BufferedEvent { sequence, at, line } in batch {
            let (index, instance) = (&self.index, self.instance);
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let _ = writeln!(
                body,
                "{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{instance}-{sequence}\"}}}}"
            );
            let fields = line.strip_prefix('{').unwrap_or("}");
            let _ = writeln!(body, "{{\"@timestamp\":\"{at}\",\"sequence\":{sequence},{fields}");
        }
        body
    }
}

impl Sink for Elasticsearch {
    const LIMITS: BatchLimits = LIMITS;

    async fn send(&mut self, batch: &[BufferedEvent]) -> Delivery {
        let request =
            self.client.post(self.url.expose_secret()).header(CONTENT_TYPE, "application/x-ndjson");
        match request.body(self.body(batch)).send().await {
            // The URL may contain a password.
            Err(error) => Delivery::Retry(None, describe(&error.without_url())),
            Ok(response) => read_response(response).await,
        }
    }
}

async fn read_response(mut response: Response) -> Delivery {
    let status = response.status();
    let after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) <= RESPONSE_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Delivery::Retry(None, "response too long".into()),
            Ok(None) => break,
            Err(error) => return Delivery::Retry(None, describe(&error.without_url())),
        }
    }
    match status {
        StatusCode::OK => read_results(&body),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
            Delivery::Refused(shorten(format!("{status} {}", String::from_utf8_lossy(&body))))
        }
        // Also 401, 403 and 404: until an operator has corrected that, events stay in the buffer.
        _ => Delivery::Retry(after.map(Duration::from_secs), status.to_string()),
    }
}

fn read_results(body: &[u8]) -> Delivery {
    match serde_json::from_slice::<BulkResponse>(body) {
        Ok(bulk) => {
            let results = bulk.items.into_iter().map(|item| event_delivery(item.create));
            Delivery::PerEvent(results.collect())
        }
        Err(_) => Delivery::Retry(None, "not a response of _bulk".into()),
    }
}

fn event_delivery(result: CreateResult) -> EventDelivery {
    let error = || result.error.as_ref().map(ToString::to_string).unwrap_or_default();
    let cause = || shorten(format!("{} {}", result.status, error()));
    match result.status {
        // 409: an earlier attempt was stored, and only its response was lost.
        200..=299 | 409 => EventDelivery::Shipped,
        // The index or the load is the cause, not the event.
        401 | 403 | 404 | 429 | 500..=599 => EventDelivery::Retry(cause()),
        _ => EventDelivery::Rejected(cause()),
    }
}

fn invalid(error: impl ToString) -> LoggingError {
    LoggingError::Sink(error.to_string())
}

#[cfg(test)]
mod tests;
