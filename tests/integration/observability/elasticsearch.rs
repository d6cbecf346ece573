//! Log events on their way to Elasticsearch: a real `_bulk` behind a proxy that fails as services
//! do.

use std::time::Duration;

use mdl::telemetry::shipping::{CAPACITY, Pace};
use serde_json::{Value, json};

use crate::observability::faults::{Faults, Mood};
use crate::observability::logger::{PACE, Shipped};
use crate::observability::tools::Tool;

/// Options that ship there.
pub fn options(url: &str) -> Vec<String> {
    ["--elasticsearch-enabled", "true", "--elasticsearch-url", url].map(String::from).to_vec()
}

/// All documents, by number.
pub async fn documents(url: &str) -> Vec<Value> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(format!("{url}/mdl-logs/_refresh")).send().await.unwrap();
    let (mut found, mut after) = (Vec::new(), 0_u64);
    loop {
        let query = json!({"size": 10_000, "sort": [{"sequence": "asc"}], "query": {"range": {"sequence": {"gt": after}}}});
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
async fn every_failure_of_the_service_costs_time_and_nothing_else() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    let mut shipped = start(&faults.url());
    let moods = [
        Mood::Status(429),
        Mood::Status(500),
        Mood::Status(401),
        // To everything: then it is not the events that are wrong.
        Mood::Status(400),
        Mood::Status(413),
        Mood::Slow(3000),
        Mood::Lost,
        Mood::Partial,
        Mood::Fair,
    ];
    let logged = shipped.endures(&faults, &moods).await;
    let documents = documents(&elasticsearch.url()).await;
    let numbers: Vec<u64> =
        documents.iter().map(|document| document["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..logged).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(documents[0]["@timestamp"], documents[0]["timestamp"]);
    assert!(documents[0]["instance"].as_str().is_some_and(|instance| instance.len() == 36));
    // It has complained, on its own terminal only.
    let complaints = shipped.complaints.text();
    assert!(
        complaints.contains("log sink takes no events; trying again")
            && complaints.contains("takes events again")
    );
    assert!(
        !documents
            .iter()
            .any(|document| document["message"].as_str().unwrap().contains("log sink"))
    );
    shipped.close().await;
}

#[actix_web::test]
async fn the_events_that_the_service_cannot_stand_are_set_aside() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    faults.set(Mood::Allergic("poison"));
    let mut shipped = start(&faults.url());
    // The first of all, when nothing was ever taken, and one in the middle.
    let culprits = [0, 333];
    for number in 0..700_u64 {
        slog::info!(shipped.logger, "{}", if culprits.contains(&number) { "poison" } else { "food" }; "number" => number);
    }
    shipped.calm().await;
    let counts = shipped.counts();
    assert_eq!((counts.shipped, counts.rejected, counts.dropped), (698, 2, 0));
    let numbers: Vec<u64> = documents(&elasticsearch.url())
        .await
        .iter()
        .map(|document| document["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..700).filter(|number| !culprits.contains(number)).collect::<Vec<_>>());
    assert!(shipped.complaints.text().contains("log events refused by their sink"));
    shipped.close().await;
}

#[actix_web::test]
async fn the_end_ships_what_is_left_and_waits_for_nobody() {
    let elasticsearch = Tool::elasticsearch();
    let faults = Faults::start(elasticsearch.url());
    // What it is about is that everything comes, not how fast this machine is.
    let pace = Pace { answer: Duration::from_mins(1), last_words: Duration::from_mins(1), ..PACE };
    let options = options(&faults.url());
    let mut shipped =
        Shipped::paced(&options.iter().map(String::as_str).collect::<Vec<_>>(), CAPACITY, pace);
    for number in 0..3_000 {
        slog::info!(shipped.logger, "last words"; "number" => number);
    }
    shipped.close().await;
    assert_eq!(shipped.counts().shipped, 3_000);
    assert_eq!(documents(&elasticsearch.url()).await.len(), 3_000);

    // A service that never answers gets five seconds, and what it did not take is counted.
    faults.set(Mood::Slow(60_000));
    let mut shipped = start(&faults.url());
    for number in 0..100 {
        slog::info!(shipped.logger, "unheard"; "number" => number);
    }
    let took = shipped.close().await;
    assert!(took < Duration::from_millis(6500), "{took:?}");
    assert_eq!((shipped.counts().dropped, shipped.counts().buffered), (100, 0));
    assert!(shipped.complaints.text().contains("log events not shipped"));
}

#[actix_web::test]
async fn lines_that_are_hard_to_swallow_do_not_stop_the_rest() {
    let elasticsearch = Tool::elasticsearch();
    let mut shipped = start(&elasticsearch.url());
    hard_lines(&shipped.logger);
    shipped.calm().await;
    let messages: Vec<String> = documents(&elasticsearch.url())
        .await
        .iter()
        .map(|d| d["message"].as_str().unwrap().to_owned())
        .collect();
    swallowed(&messages);
    assert_eq!(shipped.counts().rejected, 0);
    shipped.close().await;
}

/// 2 MiB, bytes that are no text, control characters, a line that looks like two; and an ordinary
/// one after each.
pub fn hard_lines(logger: &slog::Logger) {
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
pub fn swallowed(messages: &[String]) {
    assert_eq!(messages.len(), 8);
    assert!(messages.iter().skip(1).step_by(2).all(|message| message == "ordinary"));
    assert!(messages[0].len() < 40_000 && messages[0].ends_with("bytes more]"));
    assert!(messages[2].contains("\u{fffd}\u{fffd} broken \u{fffd}("));
    assert_eq!(messages[4], ('\u{0}'..='\u{1f}').collect::<String>());
    assert_eq!(messages[6], "one\ntwo {\"three\":\r\n4}\u{2028}");
}
