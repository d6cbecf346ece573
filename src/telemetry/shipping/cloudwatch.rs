//! CloudWatch Logs, by the official SDK. One stream a process, in the group that the configuration
//! names; both are made if they are missing and may be made. Retries are the shipper's, so that
//! there is one policy and not two inside each other.
//!
//! `PutLogEvents` knows no idempotency: when an answer is lost, a batch may be there twice.
//! `sequence` tells.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::operation::put_log_events::PutLogEventsOutput;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use super::buffer::{Event, Limits};
use super::sink::{Fate, Sink, Verdict, causes, short};
use crate::config::ShippingConfig;

/// Of `PutLogEvents`: 1,048,576 bytes counting 26 an event, 24 hours, 10,000 events; fewer, so that
/// no lock is held for long.
const LIMITS: Limits =
    Limits { events: 1000, bytes: 1_048_576, overhead: 26 + SEQUENCE, span: TimeDelta::hours(24) };
/// What `"sequence":…,` adds to a line at most.
const SEQUENCE: usize = 32;

pub(super) struct CloudWatch {
    client: Client,
    group: String,
    stream: String,
    /// Whether the stream is known to exist.
    exists: bool,
}

impl CloudWatch {
    /// Reads the credentials as every tool of AWS does: environment, profile, web identity,
    /// container, instance.
    pub(super) async fn new(config: &ShippingConfig, instance: Uuid) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(config.aws_region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(url) = &config.aws_endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let stream = format!("{}/{instance}", Utc::now().format("%Y/%m/%d"));
        Self {
            client: Client::new(&loader.load().await),
            group: config.aws_cloudwatch_group.clone(),
            stream,
            exists: false,
        }
    }

    async fn create(&self) -> Result<(), Verdict> {
        match self.create_stream().await {
            Err(Failure { code, .. }) if code == "ResourceNotFoundException" => {
                let group = self.client.create_log_group().log_group_name(&self.group).send().await;
                group
                    .map(|_| ())
                    .map_err(Failure::of)
                    .or_else(Failure::unless_there)
                    .map_err(Failure::again)?;
                self.create_stream().await.map_err(Failure::again)
            }
            done => done.map_err(Failure::again),
        }
    }

    async fn create_stream(&self) -> Result<(), Failure> {
        let stream = self
            .client
            .create_log_stream()
            .log_group_name(&self.group)
            .log_stream_name(&self.stream);
        stream.send().await.map(|_| ()).map_err(Failure::of).or_else(Failure::unless_there)
    }
}

impl Sink for CloudWatch {
    const LIMITS: Limits = LIMITS;

    async fn send(&mut self, batch: &[Event]) -> Verdict {
        if !self.exists {
            if let Err(verdict) = self.create().await {
                return verdict;
            }
            self.exists = true;
        }
        let events = batch.iter().map(|event| {
            let fields = event.line.strip_prefix('{').unwrap_or("}");
            let message = format!("{{\"sequence\":{},{fields}", event.sequence);
            // Both are given: it cannot fail.
            InputLogEvent::builder()
                .timestamp(event.at.timestamp_millis())
                .message(message)
                .build()
                .ok()
        });
        let put =
            self.client.put_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
        match put.set_log_events(Some(events.flatten().collect())).send().await {
            Ok(output) => Verdict::Each(fates(&output, batch.len())),
            Err(error) => {
                let failure = Failure::of(error);
                match failure.code.as_str() {
                    "InvalidParameterException" => Verdict::Refused(failure.cause),
                    "ResourceNotFoundException" => {
                        self.exists = false;
                        failure.again()
                    }
                    _ => failure.again(),
                }
            }
        }
    }
}

/// Some events may have been refused although the call went well, because of their age.
fn fates(output: &PutLogEventsOutput, events: usize) -> Vec<Fate> {
    let index = |index: Option<i32>| index.and_then(|index| usize::try_from(index).ok());
    let info = output.rejected_log_events_info();
    let old = info.and_then(|info| index(info.too_old_log_event_end_index())).unwrap_or(0);
    let expired = info.and_then(|info| index(info.expired_log_event_end_index())).unwrap_or(0);
    let new =
        info.and_then(|info| index(info.too_new_log_event_start_index())).unwrap_or(usize::MAX);
    let fate = |at: usize| match at {
        _ if at < old.max(expired) => Fate::Rejected("too old".into()),
        _ if at >= new => Fate::Rejected("too new: is the clock right?".into()),
        _ => Fate::Shipped,
    };
    (0..events).map(fate).collect()
}

struct Failure {
    code: String,
    cause: String,
}

impl Failure {
    fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        let cause = match (&error, error.message()) {
            (SdkError::ServiceError(_), Some(message)) => short(format!("{code}: {message}")),
            _ => causes(&error),
        };
        Self { code, cause }
    }

    /// Somebody else may have been faster.
    fn unless_there(self) -> Result<(), Self> {
        if self.code == "ResourceAlreadyExistsException" { Ok(()) } else { Err(self) }
    }

    fn again(self) -> Verdict {
        Verdict::Again(None, self.cause)
    }
}

#[cfg(test)]
mod tests;
