//! Bad input of everything that has to do with versions: each case is answered with its documented
//! 4xx, and no row of the catalogue changes.

use reqwest::Method;
use serde_json::json;

use crate::api::relations::{create, related, started};
use crate::support::database::sql;
use crate::support::samples::metric;
use crate::support::{Answer, Server};

const METRICS: &str = "/api/v1/metrics";
const DOMAINS: &str = "/api/v1/domains";
const FUTURE: &str = "2999-01-01T00:00:00Z";

/// Returns the content of all tables of the catalogue, and the number of recorded actions.
async fn state(server: &Server) -> Vec<Vec<String>> {
    let tables = [
        "metrics",
        "metric_revisions",
        "metric_snapshots",
        "metric_periods",
        "metric_edges",
        "business_domains",
        "business_domain_revisions",
        "business_domain_snapshots",
        "business_domain_periods",
        "deleted_business_domains",
        "catalogue_changes",
        "catalogue_epochs",
        "catalogue_totals",
    ];
    let sums = tables.map(|table| {
        format!("(SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {table} AS row)")
    });
    let actions = "(SELECT count(*)::text FROM audit_events WHERE outcome = 'success')";
    sql(&server.database_url, &format!("SELECT {}, {actions}", sums.join(", "))).await
}

/// Asserts that an answer is this error about these fields, and that nothing has changed.
async fn assert_refused(
    server: &Server,
    before: &[Vec<String>],
    answer: Answer,
    (status, code): (u16, &str),
    fields: &[&str],
) {
    let answer = answer.expect_error(status, code);
    if !fields.is_empty() {
        assert_eq!(answer.fields(), fields, "{}", answer.text);
    }
    assert_eq!(state(server).await, before, "{}", answer.text);
}

const INVALID: (u16, &str) = (400, "VALIDATION_ERROR");
const NOT_FOUND: (u16, &str) = (404, "NOT_FOUND");
const CONFLICT: (u16, &str) = (409, "CONFLICT");

/// Starts a service with `m1` in two versions, `again` that was deleted and created again, and a
/// domain `d3` that was deleted, whose name another one has.
async fn filled() -> (Server, String, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.advance(60);
    let before = mdl::clock::rfc3339(server.clock.now());
    server.advance(60);
    server.post(METRICS, &admin, &metric("m1")).await.expect(201);
    server.put(&format!("{METRICS}/m1"), &admin, &json!({"tags": ["t"]})).await.expect(200);
    server.post(METRICS, &admin, &metric("again")).await.expect(201);
    server.delete(&format!("{METRICS}/again"), &admin).await.expect(200);
    server.post(METRICS, &admin, &metric("again")).await.expect(201);
    let domain = json!({"domain_id": "d3", "name": "Sales"});
    server.post(DOMAINS, &admin, &domain).await.expect(201);
    server.put(&format!("{DOMAINS}/d3"), &admin, &json!({"color": "red"})).await.expect(200);
    server.delete(&format!("{DOMAINS}/d3"), &admin).await.expect(200);
    let domain = json!({"domain_id": "d4", "name": "Sales"});
    server.post(DOMAINS, &admin, &domain).await.expect(201);
    (server, admin, before)
}

#[actix_web::test]
async fn unknown_versions_and_instants_are_refused_and_change_nothing() {
    let (server, admin, then) = Box::pin(filled()).await;
    let before = state(&server).await;
    for (path, refusal, fields) in [
        (format!("{METRICS}/m1/versions/9.0.0"), NOT_FOUND, &[][..]),
        (format!("{DOMAINS}/d1/versions/9"), NOT_FOUND, &[]),
        (format!("{METRICS}/m1/diff?from=1.0.0&to=9.0.0"), NOT_FOUND, &[]),
        (format!("{DOMAINS}/d3/diff?from=9&to=1"), NOT_FOUND, &[]),
        (format!("{METRICS}/m1/diff?from=1.0.1&to=1.0.1"), INVALID, &["to"]),
        (format!("{DOMAINS}/d3/diff?from=1&to=1"), INVALID, &["to"]),
        (format!("{METRICS}/m1?as_of={then}"), NOT_FOUND, &[]),
        (format!("{DOMAINS}/d4?as_of={then}"), NOT_FOUND, &[]),
        (format!("{METRICS}/m1?as_of={FUTURE}"), INVALID, &["as_of"]),
        (format!("{DOMAINS}/d1?as_of={FUTURE}"), INVALID, &["as_of"]),
        (format!("{METRICS}?as_of={FUTURE}"), INVALID, &["as_of"]),
        (format!("{DOMAINS}?as_of={FUTURE}"), INVALID, &["as_of"]),
        (format!("{METRICS}?as_of={then}&search=x"), INVALID, &["search"]),
    ] {
        let answer = server.get(&path, &admin).await;
        Box::pin(assert_refused(&server, &before, answer, refusal, fields)).await;
    }
    // Before a metric was created, its list was empty.
    let list = server.get(&format!("{METRICS}?as_of={then}"), &admin).await.expect(200);
    assert_eq!(list.json()["data"], json!([]));
}

#[actix_web::test]
async fn foreign_cursors_are_refused_and_change_nothing() {
    let (server, admin, _) = Box::pin(filled()).await;
    let cursor = async |path: &str| -> String {
        let part = server.get(path, &admin).await.expect(200).json();
        part["pagination"]["next_cursor"].as_str().unwrap().to_owned()
    };
    let now = mdl::clock::rfc3339(server.clock.now());
    server.advance(1);
    let later = mdl::clock::rfc3339(server.clock.now());
    let present = cursor(&format!("{METRICS}?limit=1&cursor=start")).await;
    let past = cursor(&format!("{METRICS}?limit=1&as_of={now}&cursor=start")).await;
    let of_domains = cursor(&format!("{DOMAINS}?limit=1&cursor=start")).await;
    let feed = cursor("/api/v1/changes?limit=1").await;
    let before = state(&server).await;
    for (path, field) in [
        (format!("{METRICS}?limit=1&cursor={past}"), "cursor"),
        (format!("{METRICS}?limit=1&as_of={later}&cursor={past}"), "cursor"),
        (format!("{METRICS}?limit=1&as_of={now}&cursor={present}"), "cursor"),
        (format!("{METRICS}?limit=1&cursor={of_domains}"), "cursor"),
        (format!("{METRICS}?limit=1&cursor={feed}"), "cursor"),
        (format!("/api/v1/changes?since={present}"), "since"),
        (format!("/api/v1/changes?since={feed}A"), "since"),
    ] {
        let answer = server.get(&path, &admin).await;
        Box::pin(assert_refused(&server, &before, answer, INVALID, &[field])).await;
    }
    let stream = [("accept", "text/event-stream"), ("last-event-id", present.as_str())];
    let answer = server.send(Method::GET, "/api/v1/changes", &admin, &stream, None).await;
    Box::pin(assert_refused(&server, &before, answer, INVALID, &["last-event-id"])).await;
}

#[actix_web::test]
async fn restores_that_cannot_be_made_change_nothing() {
    let (server, admin, _) = Box::pin(filled()).await;
    let before = state(&server).await;
    for (path, version, refusal) in [
        // The id belongs to another metric now, the name to another domain.
        (format!("{METRICS}/again"), json!("1.0.0"), CONFLICT),
        (format!("{DOMAINS}/d3"), json!(1), CONFLICT),
        (format!("{METRICS}/m1"), json!("9.0.0"), NOT_FOUND),
        (format!("{DOMAINS}/d1"), json!(9), NOT_FOUND),
        (format!("{METRICS}/never"), json!("1.0.0"), NOT_FOUND),
        (format!("{DOMAINS}/never"), json!(1), NOT_FOUND),
        (format!("{METRICS}/m1"), json!(1), INVALID),
        (format!("{DOMAINS}/d1"), json!("1"), INVALID),
    ] {
        let body = json!({ "version": version });
        let answer = server.post(&format!("{path}/restore"), &admin, &body).await;
        Box::pin(assert_refused(&server, &before, answer, refusal, &[])).await;
    }
}

#[actix_web::test]
async fn cycles_of_length_1_to_50_change_nothing_however_they_are_closed() {
    let (server, admin) = started().await;
    let upstream = "relationships.upstream_metric_ids[0]";
    let downstream = "relationships.downstream_metric_ids[0]";
    let before = state(&server).await;
    let own = server.post(METRICS, &admin, &related("m0", &["m0"], &[])).await;
    Box::pin(assert_refused(&server, &before, own, INVALID, &[upstream])).await;
    create(&server, &admin, &related("m0", &[], &[])).await;
    // Each metric derives from the one before it.
    for length in 1..=50 {
        let last = format!("m{}", length - 1);
        let before = state(&server).await;
        let closing = related("m0", &[&last], &[]);
        let body = json!({"relationships": closing["relationships"]});
        let answer = server.put(&format!("{METRICS}/m0"), &admin, &body).await;
        Box::pin(assert_refused(&server, &before, answer, INVALID, &[upstream])).await;
        // From its other end, and by an import.
        if length > 1 {
            let former = format!("m{}", length - 2);
            let both = related(&last, &[&former], &["m0"])["relationships"].clone();
            let path = format!("{METRICS}/{last}");
            let answer = server.put(&path, &admin, &json!({"relationships": both})).await;
            Box::pin(assert_refused(&server, &before, answer, INVALID, &[downstream])).await;
        }
        let document = json!({ "metrics": [closing] });
        let answer = server.post("/api/v1/import", &admin, &document).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(state(&server).await, before, "length {length}");
        create(&server, &admin, &related(&format!("m{length}"), &[&last], &[])).await;
    }
}
