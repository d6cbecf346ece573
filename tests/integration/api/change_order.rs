//! The order of changes: positions without gaps, and times that never run back, whoever writes.

use futures_util::future::join_all;
use serde_json::json;

use crate::api::changes::read_feed;
use crate::support::database::sql;
use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database};

/// What is wrong with the order, if anything.
const DISORDER: &str = "
    SELECT 'gap at ' || position FROM (
        SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY position) AS before
        FROM catalogue_changes) AS positions WHERE position <> before + 1
    UNION ALL SELECT 'time runs back at ' || position FROM (
        SELECT position, changed_at, lag(changed_at) OVER (ORDER BY position) AS before
        FROM catalogue_changes) AS times WHERE changed_at < before
    UNION ALL SELECT 'no position: ' || metric_id FROM metric_revisions AS r
        LEFT JOIN catalogue_changes AS c ON (c.kind, c.item_id, c.revision, c.changed_at)
            = ('metric', r.metric_id, r.revision, r.changed_at) WHERE c.position IS NULL
    UNION ALL SELECT 'no position: ' || domain_id FROM business_domain_revisions AS r
        LEFT JOIN catalogue_changes AS c ON (c.kind, c.item_id, c.revision, c.changed_at)
            = ('domain', r.domain_id, r.revision, r.changed_at) WHERE c.position IS NULL
    UNION ALL SELECT 'revisions of ' || item_id || ' in another order' FROM (
        SELECT item_id, revision, lag(revision) OVER (
            PARTITION BY kind, item_id ORDER BY position) AS before
        FROM catalogue_changes) AS revisions WHERE revision <> before + 1
    UNION ALL SELECT 'the counter is not at the end' FROM catalogue_epochs WHERE (position,
        changed_at) <> (SELECT position, changed_at FROM catalogue_changes
            ORDER BY position DESC LIMIT 1)";

async fn assert_ordered(url: &str) {
    assert_eq!(sql(url, DISORDER).await, Vec::<Vec<String>>::new());
}

#[actix_web::test]
async fn reader_never_finds_an_earlier_change_later() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let writer = async |writer: usize| {
        for round in 0..12 {
            let id = format!("m{writer}-{}", round % 3);
            let path = format!("/api/v1/metrics/{id}");
            let answer = match round % 4 {
                0 | 1 => server.post("/api/v1/metrics", &admin, &metric(&id)).await,
                2 => server.put(&path, &admin, &json!({"tags": [round.to_string()]})).await,
                _ => server.delete(&path, &admin).await,
            };
            assert!([200, 201, 404, 409].contains(&answer.status), "{}", answer.text);
        }
    };
    let writers = async { join_all((0..8).map(writer)).await.len() };
    // Reads as the writers write; what it has read at the end is everything.
    let reader = async {
        let (mut seen, mut cursor) = (Vec::new(), "start".to_owned());
        for _ in 0..60 {
            let (more, next) = read_feed(&server, &admin, 7, &cursor).await;
            (seen, cursor) = ([seen, more].concat(), next);
        }
        (seen, cursor)
    };
    let (_, (mut seen, cursor)) = Box::pin(futures_util::future::join(writers, reader)).await;
    seen.extend(read_feed(&server, &admin, 100, &cursor).await.0);
    let (all, _) = read_feed(&server, &admin, 100, "start").await;
    assert_eq!(seen, all);
    assert_ordered(&server.database_url).await;
}

#[actix_web::test]
async fn time_of_a_change_is_taken_after_its_turn_has_come() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let blocker = database::connect(&server.database_url).await;
    blocker.batch_execute("BEGIN; SELECT FROM catalogue_epochs FOR UPDATE").await.unwrap();
    let body = metric("m1");
    let create = server.post("/api/v1/metrics", &admin, &body);
    let release = async {
        database::until_locked(&server.database_url, 1, "%catalogue_epochs%").await;
        let released = server.clock.now();
        blocker.batch_execute("COMMIT").await.unwrap();
        released
    };
    let (created, released) = futures_util::future::join(create, release).await;
    let created = created.expect(201).json()["data"]["metadata"]["created_at"].clone();
    let created: chrono::DateTime<chrono::Utc> = created.as_str().unwrap().parse().unwrap();
    assert!(created >= released, "{created} {released}");
    assert_ordered(&server.database_url).await;
}

#[actix_web::test]
async fn clock_that_is_slow_and_revisions_by_hand_do_not_run_back() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.advance(600);
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    // Another computer, whose clock is ten minutes behind.
    server.advance(-600);
    for tag in ["a", "b"] {
        let body = json!({"tags": [tag]});
        server.put("/api/v1/metrics/m1", &admin, &body).await.expect(200);
    }
    assert_ordered(&server.database_url).await;
    let (changes, end) = read_feed(&server, &admin, 100, "start").await;
    assert_eq!(changes[2]["changed_at"], changes[4]["changed_at"]);
    // A person, or a process of the former release, whose time was taken before its turn.
    let by_hand = "INSERT INTO metric_revisions (metric_id, revision, version, changed_at, \
            changed_by, change_type, fields_changed, changes_summary) \
        VALUES ('m1', 5, '1.0.4', '2020-01-01Z', 'eve', 'update', '[]', 'x'), \
            ('m1', 4, '1.0.3', now() + interval '1 hour', 'eve', 'update', '[]', 'x')";
    sql(&server.database_url, by_hand).await;
    assert_ordered(&server.database_url).await;
    let (changes, _) = read_feed(&server, &admin, 100, &end).await;
    assert_eq!(changes.iter().map(|change| &change["revision"]).collect::<Vec<_>>(), [4, 5]);
    // The service goes on from there.
    server.post("/api/v1/metrics", &admin, &metric_with("m2", &json!({}))).await.expect(201);
    assert_ordered(&server.database_url).await;
}

#[actix_web::test]
async fn changes_of_a_transaction_that_fails_leave_no_gap() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let document = json!({"domains": [{"domain_id": "d3", "name": "Sales"}],
        "metrics": [metric("m1"), metric_with("m2", &json!({"business_domain": "None"}))]});
    server.post("/api/v1/import", &admin, &document).await.expect(400);
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(409);
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    assert_ordered(&server.database_url).await;
    assert_eq!(read_feed(&server, &admin, 100, "start").await.0.len(), 5);
}
