//! Shipping to Elasticsearch: a server that implements `_bulk`, behind a proxy that fails as
//! services do.

use std::time::Duration;

use mdl::telemetry::shipping::{CAPACITY, ShippingTimes};
use serde_json::{Value, json};

use crate::observability::faults::{Faults, SinkFault};
use crate::observability::logger::{FAST, Shipped};
use crate::observability::tools::Tool;

/// Returns the options to ship to this server.
pub fn options(url: &str) -> Vec<String> {
    ["--elasticsearch-enabled", "true", "--elasticsearch-url", url].map(String::from).to_vec()
}

/// Returns all documents in order of `sequence`.
pub async fn documents(url: &str) -> Vec<Value> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(format!("{url}/mdl-logs/_refresh")).send().await.unwrap();
    let (mut found, mut after) = (Vec::new(), 0_u64);
    loop {
        let query = json!({
            "size": 10_000,
            "sort": [{"sequence": "asc"}],
            "query": {"range": {"sequence": {"gt": after}}},
        });
        let answer: Value = http
            .post(format!("{url}/mdl-logs/_search"))
            .json(&query)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let hits: Vec<Value> = answer["hits"]["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["_source"].clone())
            .collect();
        let Some(last) = hits.last() else { return found };
        after = last["sequence"].as_u64().unwrap();
        found.extend(hits);
    }
}

fn start(server: &str) -> Shipped {
    let options = options(server);
    Shipped::start(&options.iter().map(String::as_str).collect::<Vec<_>>(), CAPACITY)
}

#[actix_web::test]
async fn no_event_is_lost_or_repeated_by_failures_of_the_service() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    let mut shipped = start(&faults.url());
    let faults_to_try = [
        SinkFault::Status(429),
        SinkFault::Status(500),
        SinkFault::Status(401),
        // 400 for every batch: the service is at fault, not the events.
        SinkFault::Status(400),
        SinkFault::Status(413),
        SinkFault::Slow(3000),
        SinkFault::ResponseLost,
        SinkFault::Partial,
        SinkFault::None,
    ];
    let logged = shipped.log_through(&faults, &faults_to_try).await;
    let documents = documents(&elasticsearch.url()).await;
    let numbers: Vec<u64> =
        documents.iter().map(|document| document["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..logged).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(documents[0]["@timestamp"], documents[0]["timestamp"]);
    assert!(documents[0]["instance"].as_str().is_some_and(|instance| instance.len() == 36));
    // The shipper logs its failures, but does not ship them.
    let shipper_log = shipped.shipper_log.text();
    assert!(
        shipper_log.contains("log sink unavailable; retrying")
            && shipper_log.contains("log sink available again")
    );
    assert!(
        !documents
            .iter()
            .any(|document| document["message"].as_str().unwrap().contains("log sink"))
    );
    shipped.close().await;
}

#[actix_web::test]
async fn refused_events_are_rejected_and_all_others_shipped() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    faults.set(SinkFault::Refuses("poison"));
    let mut shipped = start(&faults.url());
    // The first event, before any was accepted, and one in the middle.
    let refused = [0, 333];
    for number in 0..700_u64 {
        let text = if refused.contains(&number) { "poison" } else { "food" };
        slog::info!(shipped.logger, "{text}"; "number" => number);
    }
    shipped.wait_until_shipped().await;
    let counts = shipped.counts();
    assert_eq!((counts.shipped, counts.rejected, counts.dropped), (698, 2, 0));
    let numbers: Vec<u64> = documents(&elasticsearch.url())
        .await
        .iter()
        .map(|document| document["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..700).filter(|number| !refused.contains(number)).collect::<Vec<_>>());
    assert!(shipped.shipper_log.text().contains("log events rejected by sink"));
    shipped.close().await;
}

#[actix_web::test]
async fn shutdown_ships_the_rest_within_its_timeout() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    // Long timeouts, so that a slow machine does not lose events.
    let pace = ShippingTimes {
        response: Duration::from_mins(1),
        shutdown: Duration::from_mins(1),
        ..FAST
    };
    let options = options(&faults.url());
    let mut shipped = Shipped::with_times(
        &options.iter().map(String::as_str).collect::<Vec<_>>(),
        CAPACITY,
        pace,
    );
    for number in 0..3_000 {
        slog::info!(shipped.logger, "last events"; "number" => number);
    }
    shipped.close().await;
    assert_eq!(shipped.counts().shipped, 3_000);
    assert_eq!(documents(&elasticsearch.url()).await.len(), 3_000);

    // Shipping to a service that never responds ends after five seconds; the rest is counted.
    faults.set(SinkFault::Slow(60_000));
    let mut shipped = start(&faults.url());
    for number in 0..100 {
        slog::info!(shipped.logger, "not shipped"; "number" => number);
    }
    let took = shipped.close().await;
    assert!(took < Duration::from_millis(6500), "{took:?}");
    assert_eq!((shipped.counts().dropped, shipped.counts().buffered), (100, 0));
    assert!(shipped.shipper_log.text().contains("log events not shipped"));
}

#[actix_web::test]
async fn unusual_lines_do_not_stop_others() {
    let elasticsearch = Tool::elasticsearch();
    let mut shipped = start(&elasticsearch.url());
    log_unusual_lines(&shipped.logger);
    shipped.wait_until_shipped().await;
    let messages: Vec<String> = documents(&elasticsearch.url())
        .await
        .iter()
        .map(|d| d["message"].as_str().unwrap().to_owned())
        .collect();
    assert_unusual_lines(&messages);
    assert_eq!(shipped.counts().rejected, 0);
    shipped.close().await;
}

/// Logs a line of 2 MiB, invalid UTF-8, control characters and line breaks, with an ordinary line
/// after each.
pub fn log_unusual_lines(logger: &slog::Logger) {
    let bytes = String::from_utf8_lossy(b"\xff\xfe broken \xc3\x28").into_owned();
    let control: String = ('\u{0}'..='\u{1f}').collect();
    for line in [
        "x".repeat(2 * 1024 * 1024),
        bytes,
        control,
        "one\ntwo {\"three\":\r\n4}\u{2028}".to_owned(),
    ] {
        slog::info!(logger, "{line}"; "again" => &line, "status" => 1, "status" => 2);
        slog::info!(logger, "ordinary");
    }
}

#[track_caller]
pub fn assert_unusual_lines(messages: &[String]) {
    assert_eq!(messages.len(), 8);
    assert!(messages.iter().skip(1).step_by(2).all(|message| message == "ordinary"));
    assert!(messages[0].len() < 40_000 && messages[0].ends_with("bytes more]"));
    assert!(messages[2].contains("\u{fffd}\u{fffd} broken \u{fffd}("));
    assert_eq!(messages[4], ('\u{0}'..='\u{1f}').collect::<String>());
    assert_eq!(messages[6], "one\ntwo {\"three\":\r\n4}\u{2028}");
}
