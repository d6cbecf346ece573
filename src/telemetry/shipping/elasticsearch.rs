//! Elasticsearch and its fork OpenSearch, by `_bulk`. Plain HTTP by reqwest: the official client is
//! for ever an alpha, and refuses the fork.
//!
//! Each event has an id of its own and is *created*, so that one that is sent twice, because an
//! answer was lost, is there once; and so that the index may be a data stream, which takes nothing
//! else.

use std::fmt::Write;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::buffer::{Event, Limits};
use super::sink::{Fate, Sink, Verdict, causes, short};
use crate::config::ShippingConfig;

/// A tenth of what Elasticsearch takes by default, as its guide to tuning for indexing suggests.
const LIMITS: Limits =
    Limits { events: 1000, bytes: 5 * 1024 * 1024, overhead: 256, span: TimeDelta::MAX };
/// Longest answer that is read: what is said of a thousand events.
const ANSWER: usize = 4 * 1024 * 1024;

pub(super) struct Elasticsearch {
    client: Client,
    url: SecretString,
    index: String,
    instance: Uuid,
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<serde_json::Value>,
}

impl Elasticsearch {
    pub(super) fn new(config: &ShippingConfig, instance: Uuid) -> Result<Self, String> {
        let url = config.elasticsearch_url()?;
        let mut headers = HeaderMap::new();
        if let Some(key) = config.elasticsearch_api_key()? {
            let value = HeaderValue::try_from(format!("ApiKey {}", key.expose_secret()));
            let mut value = value.map_err(|_| "ELASTICSEARCH_API_KEY cannot be sent")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let url = format!(
            "{}/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason",
            url.expose_secret()
        );
        Ok(Self { client, url: url.into(), index: config.elasticsearch_index()?, instance })
    }

    fn body(&self, batch: &[Event]) -> String {
        let size = batch.iter().map(|event| event.line.len().saturating_add(LIMITS.overhead)).sum();
        let mut body = String::with_capacity(size);
        for Event { sequence, at, line } in batch {
            let (index, instance) = (&self.index, self.instance);
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let _ = writeln!(
                body,
                "{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{instance}-{sequence}\"}}}}"
            );
            let fields = line.strip_prefix('{').unwrap_or("}");
            let _ = writeln!(
                body,
                "{{\"@timestamp\":\"{at}\",\"sequence\":{sequence},\"instance\":\"{instance}\",{fields}"
            );
        }
        body
    }
}

impl Sink for Elasticsearch {
    const LIMITS: Limits = LIMITS;

    async fn send(&mut self, batch: &[Event]) -> Verdict {
        let request =
            self.client.post(self.url.expose_secret()).header(CONTENT_TYPE, "application/x-ndjson");
        match request.body(self.body(batch)).send().await {
            // The address may hold a password.
            Err(error) => Verdict::Again(None, causes(&error.without_url())),
            Ok(response) => judged(response).await,
        }
    }
}

async fn judged(mut response: Response) -> Verdict {
    let status = response.status();
    let after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) <= ANSWER => {
                body.extend_from_slice(&chunk)
            }
            Ok(Some(_)) => return Verdict::Again(None, "an endless answer".into()),
            Ok(None) => break,
            Err(error) => return Verdict::Again(None, causes(&error.without_url())),
        }
    }
    match status {
        StatusCode::OK => read(&body),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
            Verdict::Refused(short(format!("{status} {}", String::from_utf8_lossy(&body))))
        }
        // Also 401, 403, 404: somebody has to mend that, and until then nothing is lost that fits.
        _ => Verdict::Again(after.map(Duration::from_secs), status.to_string()),
    }
}

fn read(body: &[u8]) -> Verdict {
    match serde_json::from_slice::<Bulk>(body) {
        Ok(bulk) => Verdict::Each(bulk.items.into_iter().map(|item| fate(item.create)).collect()),
        Err(_) => Verdict::Again(None, "an answer that is none of _bulk".into()),
    }
}

fn fate(outcome: Outcome) -> Fate {
    let error = || outcome.error.as_ref().map(ToString::to_string).unwrap_or_default();
    let why = || short(format!("{} {}", outcome.status, error()));
    match outcome.status {
        // 409: an earlier attempt was taken, and only its answer was lost.
        200..=299 | 409 => Fate::Shipped,
        // Not the event is wrong but the index, or the moment.
        401 | 403 | 404 | 429 | 500..=599 => Fate::Again(why()),
        _ => Fate::Rejected(why()),
    }
}

#[cfg(test)]
mod tests;
