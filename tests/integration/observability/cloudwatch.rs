//! Log events on their way to CloudWatch Logs: the official SDK against moto, behind a proxy that
//! fails as services do. The SDK finds its credentials in the environment, where
//! `scripts/with-postgres` puts some.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
use mdl::telemetry::shipping::{CAPACITY, Pace};
use serde_json::Value;

use crate::observability::elasticsearch::{hard_lines, swallowed};
use crate::observability::faults::{Faults, Mood};
use crate::observability::logger::{PACE, Shipped, lawful};
use crate::observability::tools::Tool;

const GROUP: &str = "mdl-api";

fn start(server: &str) -> Shipped {
    paced(server, PACE)
}

/// No batch goes twice because moto, or this machine, is slow.
fn start_patient(server: &str) -> Shipped {
    paced(server, Pace { answer: Duration::from_mins(1), ..PACE })
}

fn paced(server: &str, pace: Pace) -> Shipped {
    assert!(
        std::env::var("AWS_ACCESS_KEY_ID").is_ok(),
        "run the tests with scripts/with-postgres or scripts/test"
    );
    Shipped::paced(
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
async fn every_failure_of_the_service_costs_time_and_nothing_else() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    let mut shipped = start(&faults.url());
    let moods =
        [Mood::Status(500), Mood::Status(429), Mood::Status(403), Mood::Slow(3000), Mood::Fair];
    let logged = shipped.endures(&faults, &moods).await;
    let mut seen = numbers(&events(&aws.url()).await);
    // An answer that came too late: the batch is there twice. CloudWatch knows no better, and
    // `sequence` tells.
    seen.dedup();
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (0..logged).collect::<Vec<_>>());
    shipped.close().await;
}

#[actix_web::test]
async fn an_answer_that_is_lost_may_bring_a_batch_twice_but_never_not_at_all() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    let mut shipped = start(&faults.url());
    slog::info!(shipped.logger, "makes the stream"; "number" => 0);
    shipped.calm().await;
    faults.set(Mood::Lost);
    for number in 1..100 {
        slog::info!(shipped.logger, "lost"; "number" => number);
    }
    faults.met(Mood::Lost).await;
    faults.set(Mood::Fair);
    shipped.calm().await;
    let seen: std::collections::BTreeSet<u64> =
        numbers(&events(&aws.url()).await).into_iter().collect();
    assert_eq!(seen, (0..100).collect());
    lawful(shipped.counts());
    shipped.close().await;
}

#[actix_web::test]
async fn one_event_that_the_service_cannot_stand_is_set_aside() {
    let aws = Tool::aws();
    let faults = Faults::start(aws.url());
    faults.set(Mood::Allergic("poison"));
    let mut shipped = start_patient(&faults.url());
    for number in 0..300 {
        slog::info!(shipped.logger, "{}", if number == 99 { "poison" } else { "food" }; "number" => number);
    }
    shipped.calm().await;
    let counts = shipped.counts();
    assert_eq!((counts.shipped, counts.rejected), (299, 1), "{}", shipped.complaints.text());
    assert_eq!(
        numbers(&events(&aws.url()).await),
        (0..300).filter(|number| *number != 99).collect::<Vec<_>>()
    );
    shipped.close().await;
}

#[actix_web::test]
async fn lines_that_are_hard_to_swallow_do_not_stop_the_rest() {
    let aws = Tool::aws();
    let mut shipped = start_patient(&aws.url());
    hard_lines(&shipped.logger);
    shipped.calm().await;
    let messages: Vec<String> = events(&aws.url())
        .await
        .iter()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect();
    swallowed(&messages);
    shipped.close().await;
}
