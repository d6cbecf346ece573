//! A change makes stale what shows the changed items, and all lists; responses with other items
//! stay fresh.

use std::time::{Duration, Instant};

use mdl::cache::responses::{BodyEncoding, CacheLookup};
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::database::{self, sql};
use crate::support::notifications::Listener;
use crate::support::samples::{metric, metric_with};

const LISTS: [&str; 3] = ["/api/v1/metrics", "/api/v1/metrics?tier=Tier-1", "/api/v1/domains"];
const ITEMS: [&str; 6] = [
    "/api/v1/metrics/m1",
    "/api/v1/metrics/m2",
    "/api/v1/metrics/m1/history",
    "/api/v1/metrics/m2/history",
    "/api/v1/domains/d1",
    "/api/v1/domains/d2",
];
const NONE: [&str; 0] = [];

/// `m1` is in the domain `d1`, `m2` in `d2`.
async fn filled(url: &str) -> (Server, String) {
    let server = Server::on(url, &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    if server.get("/api/v1/metrics/m1", &admin).await.status == 404 {
        server.domains(&admin).await;
        server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
        let m2 = metric_with("m2", &json!({"business_domain": "Growth"}));
        server.post("/api/v1/metrics", &admin, &m2).await.expect(201);
    }
    server.settled().await;
    (server, admin)
}

async fn read_all(server: &Server, admin: &str) {
    for path in LISTS.iter().chain(&ITEMS) {
        server.get(path, admin).await;
    }
}

/// The responses that were read and are fresh.
fn fresh(server: &Server) -> Vec<&'static str> {
    let responses = &server.state().catalogue.responses;
    let is_fresh = |path: &&&str| {
        let found = responses.get(path, BodyEncoding::Identity, Instant::now());
        matches!(found, CacheLookup::Fresh(_))
    };
    LISTS.iter().chain(&ITEMS).filter(is_fresh).copied().collect()
}

fn all_but(stale: &[&str]) -> Vec<&'static str> {
    ITEMS.iter().filter(|path| !stale.contains(path)).copied().collect()
}

/// Waits until exactly these are fresh.
async fn until_fresh(server: &Server, expected: &[&str]) {
    let began = Instant::now();
    while fresh(server) != expected {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", fresh(server));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_web::test]
async fn change_ends_the_responses_of_its_items_and_all_lists() {
    let (server, admin) = filled(&database::fresh().await).await;
    let [m1, m2, m1_history, _, d1, _] = ITEMS;
    for (path, change, stale) in [
        (m1, json!({"tags": ["x"]}), &[m1, m1_history][..]),
        (d1, json!({"color": "red"}), &[d1]),
        // Its metrics show the name.
        (d1, json!({"name": "Money"}), &[d1, m1, m1_history]),
        (m1, json!({"business_domain": "Growth"}), &[m1, m1_history]),
    ] {
        read_all(&server, &admin).await;
        assert_eq!(fresh(&server).len(), LISTS.len() + ITEMS.len());
        let etag = server.get(path, &admin).await.header("etag").to_owned();
        server.put(path, &admin, &change).await.expect(200);
        assert_eq!(fresh(&server), all_but(stale), "{path} {change}");
        assert_ne!(server.get(path, &admin).await.header("etag"), etag);
        // The notification of the own change arrives, and a poll passes.
        server.settled().await;
        let mut expected = all_but(stale);
        expected.push(path);
        expected.sort_by_key(|path| ITEMS.iter().position(|item| item == path));
        assert_eq!(fresh(&server), expected, "{path} {change}, later");
    }
    read_all(&server, &admin).await;
    server.delete(m1, &admin).await.expect(200);
    assert_eq!(fresh(&server), all_but(&[m1, m1_history]));
    server.get(m1, &admin).await.expect_error(404, "NOT_FOUND");
    server.get(m1_history, &admin).await.expect(200);
    // A change that is refused, and one that changes nothing.
    read_all(&server, &admin).await;
    let before = fresh(&server);
    server.put(m2, &admin, &json!({"tier": "Tier-9"})).await.expect(400);
    server.post("/api/v1/metrics", &admin, &metric("m2")).await.expect(409);
    assert_eq!(fresh(&server), before);
    // Too many items to name.
    let metrics: Vec<Value> = (0..21)
        .map(|number| metric_with(&format!("n{number}"), &json!({"business_domain": "Growth"})))
        .collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": metrics})).await.expect(200);
    assert_eq!(fresh(&server), NONE);
}

#[actix_web::test]
async fn other_process_keeps_what_did_not_change_unless_it_missed_a_change() {
    let url = database::fresh().await;
    let (writer, admin) = filled(&url).await;
    let (reader, _) = filled(&url).await;
    let [m1, _, m1_history, ..] = ITEMS;
    for round in 0..5 {
        read_all(&reader, &admin).await;
        writer.put(m1, &admin, &json!({"tags": [format!("t{round}")]})).await.expect(200);
        until_fresh(&reader, &all_but(&[m1, m1_history])).await;
        let tags = reader.get(m1, &admin).await.json()["data"]["tags"].clone();
        assert_eq!(tags, json!([format!("t{round}")]));
    }
    // By hand: one item, both ids of an item that is renamed, everything.
    for (statement, stale) in [
        ("UPDATE metrics SET short_name = 'x' WHERE metric_id = 'm1'", &[m1, m1_history][..]),
        ("UPDATE metrics SET metric_id = 'm3' WHERE metric_id = 'm1'", &[m1, m1_history]),
        ("UPDATE metrics SET metric_id = 'm1' WHERE metric_id = 'm3'", &[m1, m1_history]),
        ("UPDATE metrics SET name = name WHERE false", &[]),
    ] {
        read_all(&reader, &admin).await;
        let before = fresh(&reader);
        sql(&url, statement).await;
        let kept = |path: &&&str| before.contains(path) && !stale.contains(path);
        let expected: Vec<&str> = ITEMS.iter().filter(kept).copied().collect();
        until_fresh(&reader, &expected).await;
    }
    read_all(&reader, &admin).await;
    sql(&url, "TRUNCATE metrics").await;
    until_fresh(&reader, &NONE).await;
    // The listener is closed: what it missed is not known.
    read_all(&reader, &admin).await;
    let listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    sql(&url, listeners).await;
    writer.put("/api/v1/domains/d2", &admin, &json!({"color": "lost"})).await.expect(200);
    until_fresh(&reader, &NONE).await;
}

/// During a rolling upgrade processes of the former release listen to the new trigger, and after a
/// revert of the migration this one listens to the former trigger.
#[actix_web::test]
async fn former_release_and_former_trigger_are_understood() {
    let url = database::fresh().await;
    let (server, admin) = filled(&url).await;
    let [m1, ..] = ITEMS;
    let mut epochs = Listener::start(&url, "mdl_catalogue").await;
    let mut changes = Listener::start(&url, "mdl_catalogue_changes").await;
    let epoch: i64 = sql(&url, "SELECT epoch FROM catalogue_epochs").await[0][0].parse().unwrap();
    server.put(m1, &admin, &json!({"tags": ["a"]})).await.expect(200);
    assert_eq!(epochs.payloads().await, [format!("{}", epoch + 1)]);
    assert_eq!(changes.payloads().await, [format!("{} items metrics/m1", epoch + 1)]);
    let down =
        include_str!("../../../migrations/2026-11-29-000003_announce_changed_items/down.sql");
    sql(&url, &format!("BEGIN; {down} COMMIT")).await;
    for round in 0..3 {
        server.settled().await;
        read_all(&server, &admin).await;
        let tags = json!({"tags": [format!("former{round}")]});
        server.put(m1, &admin, &tags).await.expect(200);
        assert_eq!(fresh(&server), NONE, "it does not know what changed");
        assert_eq!(server.get(m1, &admin).await.json()["data"]["tags"], tags["tags"]);
    }
    assert_eq!(changes.count().await, 0);
}
