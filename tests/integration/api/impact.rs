//! What depends on a metric: reading it, and deleting what others derive from.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::relations::{create, related, started};
use crate::support::{Server, database};

const METRICS: &str = "/api/v1/metrics";

/// Returns ids and depths of a page.
async fn impact(server: &Server, token: &str, id: &str, query: &str) -> Vec<(String, u64)> {
    let path = format!("{METRICS}/{id}/impact{query}");
    let body = server.get(&path, token).await.expect(200).json();
    let data = body["data"].as_array().unwrap().iter();
    data.map(|item| {
        (item["metric_id"].as_str().unwrap().to_owned(), item["depth"].as_u64().unwrap())
    })
    .collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(id, depth)| ((*id).to_owned(), *depth)).collect()
}

#[actix_web::test]
async fn dependents_come_with_their_shortest_distance() {
    let (server, admin) = started().await;
    let (_, vera) = server.user(&admin, "vera", "viewer").await;
    create(&server, &admin, &related("a", &[], &[])).await;
    create(&server, &admin, &related("b", &["a"], &[])).await;
    create(&server, &admin, &related("c", &["b", "a"], &[])).await;
    create(&server, &admin, &related("e", &[], &[])).await;
    create(&server, &admin, &related("d", &["c"], &["e"])).await;
    let all = pairs(&[("b", 1), ("c", 1), ("d", 2), ("e", 3)]);
    assert_eq!(impact(&server, &vera, "a", "").await, all);
    assert_eq!(impact(&server, &vera, "a", "?limit=2&page=2").await, all[2..]);
    assert_eq!(impact(&server, &vera, "e", "").await, []);
    let body = server.get(&format!("{METRICS}/a/impact"), &vera).await.json();
    assert_eq!((&body["truncated"], &body["pagination"]["total"]), (&json!(false), &json!(4)));
    assert_eq!(
        body["data"][0],
        json!({"metric_id": "b", "name": "Metric b", "status": "active", "depth": 1})
    );
    // A change of another metric is seen.
    let c = format!("{METRICS}/c");
    let body = json!({"relationships": {}, "name": "C"});
    server.put(&c, &admin, &body).await.expect(200);
    assert_eq!(impact(&server, &vera, "a", "").await, pairs(&[("b", 1)]));
    assert_eq!(impact(&server, &vera, "c", "").await, pairs(&[("d", 1), ("e", 2)]));
    for bad in ["?limit=0", "?page=0", "?depth=2", "?limit=101"] {
        let path = format!("{METRICS}/a/impact{bad}");
        server.get(&path, &vera).await.expect_error(400, "VALIDATION_ERROR");
    }
    server.get(&format!("{METRICS}/x/impact"), &vera).await.expect_error(404, "NOT_FOUND");
    server.get(&format!("{METRICS}/a/impact"), "").await.expect(401);
}

#[actix_web::test]
async fn metric_with_dependents_is_deleted_only_by_force() {
    let (server, admin) = started().await;
    let a = format!("{METRICS}/a");
    create(&server, &admin, &related("a", &[], &[])).await;
    create(&server, &admin, &related("c", &[], &[])).await;
    create(&server, &admin, &related("b", &["a"], &["c"])).await;
    let refused = server.delete(&a, &admin).await.expect_error(409, "CONFLICT");
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("one: b;"));
    for bad in ["?force=yes", "?force=", "?force=true&force=true", "?x=1"] {
        let path = format!("{a}{bad}");
        server.delete(&path, &admin).await.expect_error(400, "VALIDATION_ERROR");
    }
    server.delete(&format!("{a}?force=false"), &admin).await.expect_error(409, "CONFLICT");
    // A condition comes first; an editor may not delete at all.
    let stale = [("if-match", "\"9.0.0\"")];
    server.send(Method::DELETE, &a, &admin, &stale, None).await.expect(412);
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    server.delete(&format!("{a}?force=true"), &eva).await.expect(403);
    // The idempotency key of a refusal is not that of a deletion by force.
    let key = [("idempotency-key", "k1")];
    server.send(Method::DELETE, &a, &admin, &key, None).await.expect(409);
    for _ in 0..2 {
        let forced = format!("{a}?force=true");
        server.send(Method::DELETE, &forced, &admin, &key, None).await.expect(200);
    }
    server.send(Method::DELETE, &a, &admin, &key, None).await.expect(422);
    // Once, and the audit log tells that it was forced.
    let forced = "SELECT details ->> 'force' FROM audit_events WHERE action = 'metric.deleted' \
        AND outcome = 'success' AND target = 'a'";
    assert_eq!(database::sql(&server.database_url, forced).await, [["true"]]);
    // What named it keeps the unknown id, and can be changed and deleted.
    let b = format!("{METRICS}/b");
    let data =
        server.put(&b, &admin, &json!({"tags": []})).await.expect(200).json()["data"].clone();
    assert_eq!(data["relationships"]["upstream_metric_ids"], json!(["a"]));
    // Nothing derives from c.
    server.delete(&format!("{METRICS}/c"), &admin).await.expect(200);
    let plain = forced.replace("'a'", "'c'");
    assert_eq!(database::sql(&server.database_url, &plain).await, [["NULL"]]);
    server.delete(&b, &admin).await.expect(200);
    // The id may be used again.
    create(&server, &admin, &related("a", &[], &[])).await;
    assert_eq!(impact(&server, &admin, "a", "").await, []);
}

#[actix_web::test]
async fn many_dependents_are_named_in_part() {
    let (server, admin) = started().await;
    let mut metrics = vec![related("root", &[], &[])];
    metrics.extend((0..25).map(|number| related(&format!("m{number:02}"), &["root"], &[])));
    server.post("/api/v1/import", &admin, &json!({ "metrics": metrics })).await.expect(200);
    let root = format!("{METRICS}/root");
    let refused = server.delete(&root, &admin).await.expect_error(409, "CONFLICT").json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("m00, m01") && message.contains("m19 and others;"), "{message}");
    assert!(!message.contains("m20"), "{message}");
}

/// Fills the tables with metrics in a chain, m0 ← m1 ← …, which is closed if `closes`.
async fn chain(server: &Server, length: usize, closes: bool) {
    let statement = format!(
        "INSERT INTO metrics (metric_id, name, short_name, description, category, tier, \
             business_domain, metric_type, alignment, definition, data, governance, dimensions, \
             targets_and_alerts, visualization, relationships, operational_usage, version, \
             revision, created_at, created_by, updated_at, updated_by) \
         SELECT 'm' || n, 'Metric ' || n, short_name, description, category, tier, \
             business_domain, metric_type, alignment, definition, data, governance, dimensions, \
             targets_and_alerts, visualization, \
             jsonb_set(relationships, '{{upstream_metric_ids}}', \
                 CASE WHEN n > 0 THEN jsonb_build_array('m' || (n - 1)) \
                      WHEN {closes} THEN '[\"m{last}\"]' ELSE '[]' END), \
             operational_usage, version, revision, created_at, created_by, updated_at, updated_by \
         FROM metrics, generate_series(0, {last}) AS n WHERE metric_id = 'sample'",
        last = length - 1,
    );
    database::sql(&server.database_url, &statement).await;
}

#[actix_web::test]
async fn chain_of_ten_thousand_is_answered_within_its_bounds() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("sample", &[], &[])).await;
    chain(&server, 10_002, false).await;
    let began = Instant::now();
    let path = format!("{METRICS}/m0/impact?limit=100&page=100");
    let body = server.get(&path, &admin).await.expect(200).json();
    println!("impact of 10,001 metrics in a chain: {:?}", began.elapsed());
    assert_eq!((&body["truncated"], &body["pagination"]["total"]), (&json!(true), &json!(10_000)));
    let last: &Value = &body["data"][99];
    assert_eq!((&last["metric_id"], &last["depth"]), (&json!("m10000"), &json!(10_000)));
    let exact = server.get(&format!("{METRICS}/m1/impact"), &admin).await.json();
    assert_eq!(
        (&exact["truncated"], &exact["pagination"]["total"]),
        (&json!(false), &json!(10_000))
    );
    // A change that would close it is refused, and one that does not is made.
    let began = Instant::now();
    let relationships = json!({"relationships": {"upstream_metric_ids": ["m10001"]}});
    let refused = server.put(&format!("{METRICS}/m0"), &admin, &relationships).await;
    println!("refusing a cycle of 10,002 metrics: {:?}", began.elapsed());
    let text = refused.expect_error(400, "VALIDATION_ERROR").text;
    assert!(text.contains("(10002 metrics)") && text.len() < 10_000, "{text}");
    server.put(&format!("{METRICS}/sample"), &admin, &relationships).await.expect(200);
}

#[actix_web::test]
async fn cycle_in_old_data_ends() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("sample", &[], &[])).await;
    chain(&server, 30, true).await;
    let body = server.get(&format!("{METRICS}/m5/impact"), &admin).await.expect(200).json();
    // All others, and not the metric itself.
    assert_eq!(body["pagination"]["total"], 29);
    assert_eq!(body["data"][28]["metric_id"], "m4");
}
