//! Shipping to CloudWatch Logs: the official SDK with moto, behind a proxy that fails as services
//! do. The SDK finds its credentials in the environment, where `scripts/with-postgres` puts some.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
use mdl::telemetry::shipping::{CAPACITY, ShippingTimes};
use serde_json::Value;

use crate::observability::elasticsearch::{assert_unusual_lines, log_unusual_lines};
use crate::observability::faults::{Faults, SinkFault};
use crate::observability::logger::{FAST, Shipped, assert_balanced};
use crate::observability::tools::Tool;

const GROUP: &str = "mdl-api";

fn start(server: &str) -> Shipped {
    with_times(server, FAST)
}

/// A slow machine must not cause a batch to be sent twice.
fn start_with_long_timeout(server: &str) -> Shipped {
    with_times(server, ShippingTimes { response: Duration::from_mins(1), ..FAST })
}

fn with_times(server: &str, pace: ShippingTimes) -> Shipped {
    assert!(
        std::env::var("AWS_ACCESS_KEY_ID").is_ok(),
        "run the tests with scripts/with-postgres or scripts/test"
    );
    Shipped::with_times(
        &["--aws-cloudwatch-enabled", "true", "--aws-endpoint-url", server],
        CAPACITY,
        pace,
    )
}

fn client(url: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_cloudwatchlogs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("x", "y", None, None, "test"))
        .endpoint_url(url)
        .http_client(http);
    Client::from_conf(config.build())
}

/// Everything in the one stream of the group.
pub async fn events(url: &str) -> Vec<Value> {
    let client = client(url);
    let streams = client.describe_log_streams().log_group_name(GROUP).send().await.unwrap();
    let [stream] = streams.log_streams() else { panic!("one stream: {streams:?}") };
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = client
            .get_log_events()
            .log_group_name(GROUP)
            .log_stream_name(stream.log_stream_name().unwrap())
            .start_from_head(true)
            .set_next_token(token.clone())
            .send()
            .await
            .unwrap();
        found.extend(
            page.events()
                .iter()
                .map(|event| serde_json::from_str(event.message().unwrap()).unwrap()),
        );
        let next = page.next_forward_token().map(str::to_owned);
        if page.events().is_empty() || next == token {
            return found;
        }
        token = next;
    }
}

fn numbers(events: &[Value]) -> Vec<u64> {
    events.iter().filter_map(|event| event["number"].as_u64()).collect()
}

#[actix_web::test]
async fn no_event_is_lost_by_failures_of_the_service() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    let mut shipped = start(&faults.url());
    let faults_to_try = [
        SinkFault::Status(500),
        SinkFault::Status(429),
        SinkFault::Status(403),
        SinkFault::Slow(3000),
        SinkFault::None,
    ];
    let logged = shipped.log_through(&faults, &faults_to_try).await;
    let mut seen = numbers(&events(&aws.url()).await);
    // After a timeout a batch may be stored twice; `sequence` identifies duplicates.
    seen.dedup();
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (0..logged).collect::<Vec<_>>());
    shipped.close().await;
}

#[actix_web::test]
async fn lost_response_may_duplicate_a_batch_but_loses_nothing() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    let mut shipped = start(&faults.url());
    slog::info!(shipped.logger, "creates the stream"; "number" => 0);
    shipped.wait_until_shipped().await;
    faults.set(SinkFault::ResponseLost);
    for number in 1..100 {
        slog::info!(shipped.logger, "lost"; "number" => number);
    }
    faults.wait_for_request(SinkFault::ResponseLost).await;
    faults.set(SinkFault::None);
    shipped.wait_until_shipped().await;
    let seen: std::collections::BTreeSet<u64> =
        numbers(&events(&aws.url()).await).into_iter().collect();
    assert_eq!(seen, (0..100).collect());
    assert_balanced(shipped.counts());
    shipped.close().await;
}

#[actix_web::test]
async fn refused_event_is_rejected_and_all_others_shipped() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    faults.set(SinkFault::Refuses("poison"));
    let mut shipped = start_with_long_timeout(&faults.url());
    for number in 0..300 {
        let text = if number == 99 { "poison" } else { "food" };
        slog::info!(shipped.logger, "{text}"; "number" => number);
    }
    shipped.wait_until_shipped().await;
    let counts = shipped.counts();
    assert_eq!((counts.shipped, counts.rejected), (299, 1), "{}", shipped.shipper_log.text());
    assert_eq!(
        numbers(&events(&aws.url()).await),
        (0..300).filter(|number| *number != 99).collect::<Vec<_>>()
    );
    shipped.close().await;
}

#[actix_web::test]
async fn unusual_lines_do_not_stop_others() {
    let aws = Tool::aws();
    let mut shipped = start_with_long_timeout(&aws.url());
    log_unusual_lines(&shipped.logger);
    shipped.wait_until_shipped().await;
    let messages: Vec<String> = events(&aws.url())
        .await
        .iter()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect();
    assert_unusual_lines(&messages);
    shipped.close().await;
}
