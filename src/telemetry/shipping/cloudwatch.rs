//! CloudWatch Logs, through the official SDK: one stream for each process, in the configured
//! group. Both are created if they are missing and the credentials allow it. The SDK does not
//! retry; the shipper does, so that there is one retry policy.
//!
//! `PutLogEvents` is not idempotent: when a response is lost, a batch may be stored twice. The
//! field `sequence` identifies such duplicates.

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

use super::buffer::{BatchLimits, BufferedEvent};
use super::sink::{Delivery, EventDelivery, Sink, describe, shorten};
use crate::config::ShippingConfig;

/// Limits of `PutLogEvents`: 1,048,576 bytes, with 26 for each event; 24 hours; 10,000 events, of
/// which only 1,000 are used, to hold the lock of the buffer briefly.
const LIMITS: BatchLimits = BatchLimits {
    events: 1000,
    bytes: 1_048_576,
    overhead: 26 + SEQUENCE,
    span: TimeDelta::hours(24),
};
/// Most bytes that `"sequence":…,` adds to a line.
const SEQUENCE: usize = 32;

/// A client for one log stream.
pub(super) struct CloudWatch {
    client: Client,
    group: String,
    stream: String,
    stream_exists: bool,
}

impl CloudWatch {
    /// Creates a client with the default credential chain of AWS: environment, profile, web
    /// identity, container, instance.
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
            stream_exists: false,
        }
    }

    /// Creates the stream, and its group if that is missing.
    async fn create(&self) -> Result<(), AwsError> {
        match self.create_stream().await {
            Err(error) if error.code == "ResourceNotFoundException" => {
                let group = self.client.create_log_group().log_group_name(&self.group).send().await;
                group.map(|_| ()).map_err(AwsError::from).or_else(AwsError::ignore_existing)?;
                self.create_stream().await
            }
            created => created,
        }
    }

    async fn create_stream(&self) -> Result<(), AwsError> {
        let stream = self
            .client
            .create_log_stream()
            .log_group_name(&self.group)
            .log_stream_name(&self.stream);
        stream.send().await.map(|_| ()).map_err(AwsError::from).or_else(AwsError::ignore_existing)
    }
}

impl Sink for CloudWatch {
    const LIMITS: BatchLimits = LIMITS;

    async fn send(&mut self, batch: &[BufferedEvent]) -> Delivery {
        if !self.stream_exists {
            if let Err(error) = self.create().await {
                return error.into_retry();
            }
            self.stream_exists = true;
        }
        let events = batch.iter().map(|event| {
            let fields = event.line.strip_prefix('{').unwrap_or("}");
            let message = format!("{{\"sequence\":{},{fields}", event.sequence);
            // The builder fails only without a timestamp or message.
            InputLogEvent::builder()
                .timestamp(event.at.timestamp_millis())
                .message(message)
                .build()
                .ok()
        });
        let put =
            self.client.put_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
        match put.set_log_events(Some(events.flatten().collect())).send().await {
            Ok(output) => Delivery::PerEvent(results(&output, batch.len())),
            Err(error) => {
                let error = AwsError::from(error);
                match error.code.as_str() {
                    "InvalidParameterException" => Delivery::Refused(error.cause),
                    "ResourceNotFoundException" => {
                        self.stream_exists = false;
                        error.into_retry()
                    }
                    _ => error.into_retry(),
                }
            }
        }
    }
}

/// Reads the result of each event: a successful call may have rejected events for their age.
fn results(output: &PutLogEventsOutput, events: usize) -> Vec<EventDelivery> {
    let index = |index: Option<i32>| index.and_then(|index| usize::try_from(index).ok());
    let info = output.rejected_log_events_info();
    let old = info.and_then(|info| index(info.too_old_log_event_end_index())).unwrap_or(0);
    let expired = info.and_then(|info| index(info.expired_log_event_end_index())).unwrap_or(0);
    let new =
        info.and_then(|info| index(info.too_new_log_event_start_index())).unwrap_or(usize::MAX);
    let result = |at: usize| match at {
        _ if at < old.max(expired) => EventDelivery::Rejected("too old".into()),
        _ if at >= new => EventDelivery::Rejected("too new: check the clock".into()),
        _ => EventDelivery::Shipped,
    };
    (0..events).map(result).collect()
}

/// A failed call of AWS.
struct AwsError {
    /// Code of the service; empty if it sent none.
    code: String,
    cause: String,
}

impl<E, R> From<SdkError<E, R>> for AwsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let code = error.code().unwrap_or_default().to_owned();
        let cause = match (&error, error.message()) {
            (SdkError::ServiceError(_), Some(message)) => shorten(format!("{code}: {message}")),
            _ => describe(&error),
        };
        Self { code, cause }
    }
}

impl AwsError {
    /// Another process may have created the group or stream first.
    fn ignore_existing(self) -> Result<(), Self> {
        if self.code == "ResourceAlreadyExistsException" { Ok(()) } else { Err(self) }
    }

    fn into_retry(self) -> Delivery {
        Delivery::Retry(None, self.cause)
    }
}

#[cfg(test)]
mod tests;
