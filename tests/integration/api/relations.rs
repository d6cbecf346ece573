//! Relations between metrics: unknown ids and cycles are refused, whoever brings them and in
//! whichever order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric_with;
use crate::support::{Answer, Server, database, json_body};

const METRICS: &str = "/api/v1/metrics";

pub async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    (server, admin)
}

/// Returns a metric that derives from others, and from which others derive.
pub fn related(id: &str, upstream: &[&str], downstream: &[&str]) -> Value {
    let relationships =
        json!({"upstream_metric_ids": upstream, "downstream_metric_ids": downstream});
    metric_with(id, &json!({ "relationships": relationships }))
}

pub async fn create(server: &Server, token: &str, metric: &Value) {
    server.post(METRICS, token, metric).await.expect(201);
}

async fn relate(server: &Server, token: &str, id: &str, upstream: &[&str]) -> Answer {
    let body = json!({"relationships": related(id, upstream, &[])["relationships"]});
    server.put(&format!("{METRICS}/{id}"), token, &body).await
}

/// Returns the messages of a refusal, by field.
#[track_caller]
fn refusals(answer: Answer) -> Vec<(String, String)> {
    let body = answer.expect_error(400, "VALIDATION_ERROR").json();
    let details = body["error"]["details"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    details.map(|detail| (text(&detail["field"]), text(&detail["message"]))).collect()
}

/// Whether the stored edges have a cycle.
async fn has_cycle(server: &Server) -> bool {
    let statement = "WITH RECURSIVE reached AS ( \
        SELECT metric_id AS start, upstream_id AS at FROM metric_edges UNION \
        SELECT start, upstream_id FROM reached JOIN metric_edges ON metric_id = at) \
        SELECT count(*) FROM reached WHERE start = at";
    database::sql(&server.database_url, statement).await != [["0"]]
}

const UPSTREAM: &str = "relationships.upstream_metric_ids";
const UNKNOWN: &str = "must be the id of an existing metric";

#[actix_web::test]
async fn unknown_ids_are_refused_with_their_paths() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("a", &[], &[])).await;
    let bad = related("b", &["a", "x"], &["y", "a2"]);
    let found = refusals(server.post(METRICS, &admin, &bad).await);
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    let downstream = "relationships.downstream_metric_ids";
    let expected =
        [format!("{UPSTREAM}[1]"), format!("{downstream}[0]"), format!("{downstream}[1]")];
    assert_eq!(fields, expected);
    assert!(found.iter().all(|(_, message)| message == UNKNOWN), "{found:?}");
    server.get(&format!("{METRICS}/b"), &admin).await.expect(404);
    create(&server, &admin, &related("b", &["a"], &[])).await;
    let found = refusals(relate(&server, &admin, "b", &["a", "x"]).await);
    assert_eq!(found, [(format!("{UPSTREAM}[1]"), UNKNOWN.to_owned())]);
    let patch = json!({"relationships": {"downstream_metric_ids": ["x"]}});
    let body = Some(("application/merge-patch+json", serde_json::to_vec(&patch).unwrap()));
    let path = format!("{METRICS}/b");
    let found = refusals(server.send(Method::PATCH, &path, &admin, &[], body).await);
    assert_eq!(found, [(format!("{downstream}[0]"), UNKNOWN.to_owned())]);
    // Drafts, too.
    let mut draft = crate::api::drafts::draft("d");
    draft["relationships"] = json!({"upstream_metric_ids": ["x"]});
    refusals(server.post(METRICS, &admin, &draft).await);
    assert_eq!(server.get(&path, &admin).await.header("etag"), "\"1.0.0\"");
}

#[actix_web::test]
async fn cycles_of_any_length_are_refused_and_named() {
    let (server, admin) = started().await;
    let found = refusals(server.post(METRICS, &admin, &related("m0", &["m0"], &[])).await);
    let message = |cycle: &str| format!("must not let a metric derive from itself: {cycle}");
    assert_eq!(found, [(format!("{UPSTREAM}[0]"), message("m0 → m0"))]);
    let chain: Vec<Value> = (0..120)
        .map(|number| {
            let upstream = format!("m{}", number - 1);
            let upstream = if number == 0 { vec![] } else { vec![upstream.as_str()] };
            related(&format!("m{number}"), &upstream, &[])
        })
        .collect();
    server.post("/api/v1/import", &admin, &json!({ "metrics": chain })).await.expect(200);
    for last in [0, 1, 2, 49, 50, 98, 119] {
        let last_id = format!("m{last}");
        let found = refusals(relate(&server, &admin, "m0", &[&last_id]).await);
        let [(field, text)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(field, &format!("{UPSTREAM}[0]"));
        if last < 100 {
            let cycle: Vec<String> = (0..=last).rev().map(|number| format!("m{number}")).collect();
            assert_eq!(*text, message(&format!("m0 → {}", cycle.join(" → "))));
        } else {
            assert!(text.ends_with("→ … → m0 (120 metrics)"), "{text}");
        }
    }
    // The other direction closes it, too.
    let body = json!({"relationships": related("m50", &["m49"], &["m20"])["relationships"]});
    let found = refusals(server.put(&format!("{METRICS}/m50"), &admin, &body).await);
    assert_eq!(found[0].0, "relationships.downstream_metric_ids[0]");
    assert!(found[0].1.contains("m20 → m50 → m49"), "{found:?}");
    // Both ends may declare one edge, and an edge may be turned around.
    let body = json!({"relationships": related("m0", &[], &["m1"])["relationships"]});
    server.put(&format!("{METRICS}/m0"), &admin, &body).await.expect(200);
    let document = json!({"metrics": [related("m0", &["m1"], &[]), related("m1", &[], &[])]});
    server.post("/api/v1/import", &admin, &document).await.expect(200);
    assert!(!has_cycle(&server).await);
}

#[actix_web::test]
async fn import_may_bring_both_ends_in_any_order() {
    let (server, admin) = started().await;
    let document = json!({"metrics": [
        related("c", &["b"], &[]), related("b", &[], &[]), related("a", &[], &["b", "c"]),
    ]});
    let import = async |document: &Value, query: &str| {
        server.post(&format!("/api/v1/import{query}"), &admin, document).await
    };
    let tried = import(&document, "?dry_run=true").await.expect(200).json();
    assert_eq!(tried["data"]["counts"]["created"], 3, "{tried}");
    import(&document, "").await.expect(200);
    // A cycle, unknown ids, and a metric that is as it was.
    let bad = json!({"metrics": [
        related("a", &["c"], &["b"]), related("d", &["nobody"], &["a"]), related("b", &[], &[]),
    ]});
    let tried = import(&bad, "?dry_run=true").await.expect(200).json();
    let items = tried["data"]["items"].as_array().unwrap();
    let outcomes: Vec<_> = items.iter().map(|item| item["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["error", "error", "unchanged"], "{tried}");
    assert_eq!(
        tried["data"]["counts"],
        json!({"created": 0, "updated": 0, "unchanged": 1, "errors": 2})
    );
    assert_eq!(items[0]["errors"][0]["field"], format!("metrics[0].{UPSTREAM}[0]"));
    let found = refusals(import(&bad, "").await);
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, [format!("metrics[0].{UPSTREAM}[0]"), format!("metrics[1].{UPSTREAM}[0]")]);
    assert!(found[0].1.ends_with("a → c → a") || found[0].1.contains("a → c → b → a"), "{found:?}");
    assert_eq!((found[1].1.as_str(), has_cycle(&server).await), (UNKNOWN, false));
    server.get(&format!("{METRICS}/d"), &admin).await.expect(404);
    assert_eq!(server.get(&format!("{METRICS}/a"), &admin).await.header("etag"), "\"1.0.0\"");
}

#[actix_web::test]
async fn part_of_a_document_may_name_metrics_of_another_part() {
    let (server, admin) = started().await;
    let import = async |query: &str, key: &str, document: &Value| {
        let headers = [("idempotency-key", key)];
        let path = format!("/api/v1/import{query}");
        server.send(Method::POST, &path, &admin, &headers, Some(json_body(document))).await
    };
    let first = json!({"metrics": [related("a", &["b"], &[])]});
    refusals(import("?part=false", "k1", &first).await);
    for bad in ["?part=yes", "?part=true&part=true", "?part=true&x=1", "?parts=true"] {
        import(bad, "k1", &first).await.expect_error(400, "VALIDATION_ERROR");
    }
    import("?part=true&dry_run=true", "k1", &first).await.expect(200);
    import("?part=true", "k2", &first).await.expect(200);
    // The same bytes as a whole are another request.
    import("", "k2", &first).await.expect_error(422, "IDEMPOTENCY_MISMATCH");
    // A cycle over both parts is refused with the second one.
    let second = json!({"metrics": [related("b", &["a"], &[])]});
    let found = refusals(import("?part=true", "k3", &second).await);
    assert!(found[0].1.ends_with("b → a → b"), "{found:?}");
    import("?part=true", "k4", &json!({"metrics": [related("b", &[], &[])]})).await.expect(200);
    let impact = server.get("/api/v1/metrics/b/impact", &admin).await.json();
    assert_eq!(impact["data"][0]["metric_id"], "a");
}

#[actix_web::test]
async fn two_writers_that_together_close_a_cycle_do_not_both_succeed() {
    let (server, admin) = started().await;
    for id in ["a", "b"] {
        create(&server, &admin, &related(id, &[], &[])).await;
    }
    for _ in 0..10 {
        let (one, other) = tokio::join!(
            relate(&server, &admin, "a", &["b"]),
            relate(&server, &admin, "b", &["a"])
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", one.text, other.text);
        assert!(!has_cycle(&server).await);
        relate(&server, &admin, "a", &[]).await.expect(200);
        relate(&server, &admin, "b", &[]).await.expect(200);
    }
}

#[actix_web::test]
async fn random_edges_never_make_a_stored_cycle() {
    let (server, admin) = started().await;
    for number in 0..8 {
        create(&server, &admin, &related(&format!("m{number}"), &[], &[])).await;
    }
    let (mut seed, mut accepted, mut refused) = (7_u64, 0, 0);
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..120 {
        let id = format!("m{}", random(8));
        let mut ids =
            || -> Vec<String> { (0..random(3)).map(|_| format!("m{}", random(8))).collect() };
        let relationships = json!({"upstream_metric_ids": ids(), "downstream_metric_ids": ids()});
        let body = json!({ "relationships": relationships });
        match server.put(&format!("{METRICS}/{id}"), &admin, &body).await.status {
            200 => accepted += 1,
            400 => refused += 1,
            other => panic!("{other}"),
        }
        assert!(!has_cycle(&server).await, "{id}: {body}");
    }
    assert!(accepted > 20 && refused > 20, "{accepted} {refused}");
}

#[actix_web::test]
async fn catalogue_with_unknown_ids_and_cycles_stays_usable() {
    let (server, admin) = started().await;
    for id in ["a", "b", "c"] {
        create(&server, &admin, &related(id, &[], &[])).await;
    }
    // As releases stored them that did not check.
    let old = "UPDATE metrics SET relationships = jsonb_set(relationships, \
        '{upstream_metric_ids}', CASE metric_id WHEN 'a' THEN '[\"b\", \"gone\"]'::jsonb \
        ELSE '[\"a\"]' END) WHERE metric_id IN ('a', 'b')";
    database::sql(&server.database_url, old).await;
    let a = format!("{METRICS}/a");
    let read = server.get(&a, &admin).await.json()["data"].clone();
    server.put(&a, &admin, &json!({"tags": ["new"]})).await.expect(200);
    let mut back = read.clone();
    back["short_name"] = json!("B");
    server.put(&a, &admin, &back).await.expect(200);
    let document = json!({"metrics": [related("a", &["gone", "b"], &[])]});
    server.post("/api/v1/import", &admin, &document).await.expect(200);
    // What is added is checked: an id, and an edge into the old cycle, but not one out of it.
    let found = refusals(relate(&server, &admin, "a", &["gone", "b", "gone2"]).await);
    assert_eq!(found, [(format!("{UPSTREAM}[2]"), UNKNOWN.to_owned())]);
    let body = json!({"relationships": related("a", &["gone", "b"], &["b"])["relationships"]});
    let found = refusals(server.put(&a, &admin, &body).await);
    assert!(found[0].1.ends_with("b → a → b"), "{found:?}");
    relate(&server, &admin, "c", &["a"]).await.expect(200);
    let impact = server.get(&format!("{a}/impact"), &admin).await.expect(200).json();
    assert_eq!(impact["count"], 2, "{impact}");
    // It may be mended.
    relate(&server, &admin, "b", &[]).await.expect(200);
    relate(&server, &admin, "a", &["b"]).await.expect(200);
    assert!(!has_cycle(&server).await);
}

#[actix_web::test]
async fn restored_version_brings_back_only_relations_that_may_be() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("a", &[], &[])).await;
    create(&server, &admin, &related("b", &["a"], &[])).await;
    relate(&server, &admin, "b", &[]).await.expect(200);
    relate(&server, &admin, "a", &["b"]).await.expect(200);
    let restore = async || {
        let body = Some(json_body(&json!({"version": "1.0.0"})));
        let path = format!("{METRICS}/b/restore");
        server.send(Method::POST, &path, &admin, &[], body).await
    };
    let found = refusals(restore().await);
    assert!(found[0].1.ends_with("b → a → b"), "{found:?}");
    relate(&server, &admin, "a", &[]).await.expect(200);
    server.delete(&format!("{METRICS}/a"), &admin).await.expect(200);
    assert_eq!(refusals(restore().await)[0].1, UNKNOWN);
    create(&server, &admin, &related("a", &[], &[])).await;
    restore().await.expect(200);
}

#[actix_web::test]
async fn cycles_are_searched_within_a_bound_and_what_is_beyond_it_is_refused() {
    let (server, admin) = started().await;
    for id in ["wide", "free"] {
        create(&server, &admin, &related(id, &[], &[])).await;
    }
    // With those that the change itself may declare, 400 of each metric, the most that is followed.
    let fill = "INSERT INTO metric_edges SELECT 'wide', 'u' || number, 'other' \
        FROM generate_series(1, 100400) AS number";
    database::sql(&server.database_url, fill).await;
    relate(&server, &admin, "free", &["wide"]).await.expect(200);
    relate(&server, &admin, "free", &[]).await.expect(200);
    database::sql(&server.database_url, "INSERT INTO metric_edges VALUES ('wide', 'u0', 'other')")
        .await;
    let state = "SELECT (SELECT count(*) FROM metric_revisions), (SELECT epoch FROM \
        catalogue_epochs), (SELECT count(*) FROM metric_edges)";
    let before = database::sql(&server.database_url, state).await;
    let message = "must not derive from metrics with more than 100000 relationships above them, \
        over all levels";
    let found = refusals(relate(&server, &admin, "free", &["wide"]).await);
    assert_eq!(found, [(format!("{UPSTREAM}[0]"), message.to_owned())]);
    let found = refusals(server.post(METRICS, &admin, &related("new", &["wide"], &[])).await);
    assert_eq!(found, [(format!("{UPSTREAM}[0]"), message.to_owned())]);
    let document = json!({"metrics": [related("new", &["wide"], &[])]});
    let refused = server.post("/api/v1/import", &admin, &document).await;
    assert!(refused.status == 400 && refused.text.contains(message), "{}", refused.text);
    assert_eq!(database::sql(&server.database_url, state).await, before);
    // What adds no relationship is not concerned.
    let tags = json!({"tags": ["t"]});
    server.put(&format!("{METRICS}/wide"), &admin, &tags).await.expect(200);
    relate(&server, &admin, "free", &[]).await.expect(200);
}
