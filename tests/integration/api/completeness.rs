//! The filter of lists by completeness. The rule is in the database a second time, for an index;
//! here it is compared with that of the service for every field of a metric.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::drafts::draft;
use crate::support::samples::metric;
use crate::support::{Server, json_body};

const METRICS: &str = "/api/v1/metrics";
const M1: &str = "/api/v1/metrics/m1";

/// A metric in which every list has two items.
fn rich(id: &str) -> Value {
    let mut rich = metric(id);
    rich["data"]["secondary_sources"] = rich["data"]["primary_sources"].clone();
    let lists = [
        "/data/primary_sources",
        "/data/secondary_sources",
        "/dimensions",
        "/targets_and_alerts/alert_rules",
        "/visualization/dashboard_locations",
        "/operational_usage/linked_playbooks",
        "/metadata/example_queries",
    ];
    for list in lists {
        let items = rich.pointer_mut(list).unwrap().as_array_mut().unwrap();
        items.push(items[0].clone());
    }
    rich["governance"]["status"] = json!("draft");
    rich
}

/// The paths of everything in a value, the outer ones first.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    let steps: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => (0..).map(|at: usize| at.to_string()).zip(items).collect(),
        _ => return,
    };
    for (step, inner) in steps {
        let path = format!("{path}/{step}");
        found.push(path.clone());
        paths(inner, &path, found);
    }
}

/// Removes what is at a path, and empties a list.
fn remove(value: &mut Value, path: &str) {
    let (outer, step) = path.rsplit_once('/').unwrap();
    match value.pointer_mut(outer) {
        Some(Value::Object(map)) if map.get(step).is_some_and(Value::is_array) => {
            map[step] = json!([]);
        }
        Some(Value::Object(map)) => drop(map.remove(step)),
        Some(Value::Array(items)) => {
            let at: usize = step.parse().unwrap();
            if at < items.len() {
                items.remove(at);
            }
        }
        // Something outer was removed before.
        _ => {}
    }
}

/// Drafts that each lack one thing, and drafts that lack some things by chance.
fn drafts() -> Vec<Value> {
    let mut all = Vec::new();
    paths(&rich("x"), "", &mut all);
    let needed = ["/metric_id", "/name", "/business_domain", "/governance", "/governance/status"];
    all.retain(|path| !needed.contains(&path.as_str()));
    let mut removed: Vec<Vec<String>> = all.iter().map(|path| vec![path.clone()]).collect();
    let some = prop::collection::vec(prop::sample::select(all), 0..4);
    let mut runner = TestRunner::deterministic();
    removed.extend((0..150).map(|_| some.new_tree(&mut runner).unwrap().current()));
    let lacking = removed.iter().enumerate().map(|(number, paths)| {
        let mut draft = rich(&format!("m{number}"));
        for path in paths {
            remove(&mut draft, path);
        }
        draft
    });
    lacking.collect()
}

/// The ids of all metrics of a list.
async fn ids(server: &Server, token: &str, query: &str) -> BTreeSet<String> {
    let (mut found, mut cursor) = (BTreeSet::new(), "start".to_owned());
    loop {
        let path = format!("{METRICS}?{query}&fields=name&limit=100&cursor={cursor}");
        let part = server.get(&path, token).await.expect(200).json();
        let items = part["data"].as_array().unwrap().iter();
        found.extend(items.map(|item| item["metric_id"].as_str().unwrap().to_owned()));
        match part["pagination"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return found,
        }
    }
}

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    (server, admin)
}

#[actix_web::test]
async fn filter_agrees_with_the_completeness_of_every_metric() {
    let (server, admin) = started().await;
    let mut metrics = drafts();
    metrics.extend([metric("active"), draft("least")]);
    for part in metrics.chunks(200) {
        server.post("/api/v1/import", &admin, &json!({ "metrics": part })).await.expect(200);
    }
    let mut expected = [BTreeSet::new(), BTreeSet::new()];
    for metric in &metrics {
        let id = metric["metric_id"].as_str().unwrap();
        let read = server.get(&format!("{METRICS}/{id}"), &admin).await.expect(200).json();
        let lacks = !read["completeness"]["missing"].as_array().unwrap().is_empty();
        expected[usize::from(lacks)].insert(id.to_owned());
    }
    let [complete, incomplete] = expected;
    assert!(complete.len() > 30 && incomplete.len() > 100, "{complete:?} {incomplete:?}");
    assert_eq!(ids(&server, &admin, "completeness=incomplete").await, incomplete);
    assert_eq!(ids(&server, &admin, "completeness=complete").await, complete);
    let sorted = "completeness=incomplete&status=draft&tier=Tier-1&sort=-updated_at";
    let drafts = ids(&server, &admin, sorted).await;
    assert!(drafts.is_subset(&incomplete) && drafts.len() > 100);
    // The past of the same metrics, present and former.
    server.advance(10);
    let then = server.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    server.advance(10);
    for number in 0..metrics.len() / 2 {
        let path = format!("{METRICS}/m{number}");
        let change = json!({"name": "Changed", "tags": ["late"]});
        server.merge(&path, &admin, &change).await.expect(200);
    }
    for (value, expected) in [("complete", &complete), ("incomplete", &incomplete)] {
        let query = format!("completeness={value}&as_of={then}");
        assert_eq!(&ids(&server, &admin, &query).await, expected, "{value}");
        let past = server.get(&format!("{METRICS}?{query}&limit=1"), &admin).await.expect(200);
        assert_eq!(past.json()["pagination"]["total"], expected.len());
    }
}

#[actix_web::test]
async fn filter_follows_every_change() {
    let (server, admin) = started().await;
    let sets = async || {
        // Pages, whose totals and responses are cached until something changes.
        let mut found = Vec::new();
        for value in ["incomplete", "complete"] {
            let list = server.get(&format!("{METRICS}?completeness={value}"), &admin).await;
            let list = list.expect(200).json();
            assert_eq!(list["pagination"]["total"], list["count"]);
            found.push(list["count"].as_u64().unwrap());
        }
        [found[0], found[1]]
    };
    assert_eq!(sets().await, [0, 0]);
    server.post(METRICS, &admin, &draft("m1")).await.expect(201);
    assert_eq!(sets().await, [1, 0]);
    let mut whole = metric("m1");
    whole["governance"]["status"] = json!("draft");
    server.put(M1, &admin, &whole).await.expect(200);
    assert_eq!(sets().await, [0, 1]);
    server.merge(M1, &admin, &json!({"tier": null})).await.expect(200);
    assert_eq!(sets().await, [1, 0]);
    let restore = async |version: &str| {
        let body = Some(json_body(&json!({ "version": version })));
        server.send(Method::POST, "/api/v1/metrics/m1/restore", &admin, &[], body).await.expect(200)
    };
    restore("2.0.0").await;
    assert_eq!(sets().await, [0, 1]);
    let lesser = json!({"metrics": [draft("m1"), draft("m2"), metric("m3")]});
    server.post("/api/v1/import", &admin, &lesser).await.expect(200);
    assert_eq!(sets().await, [2, 1]);
    server.delete("/api/v1/metrics/m2", &admin).await.expect(200);
    assert_eq!(sets().await, [1, 1]);
    server.delete(M1, &admin).await.expect(200);
    assert_eq!(sets().await, [0, 1]);
    restore("1.0.0").await;
    assert_eq!(sets().await, [1, 1]);
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    assert_eq!(sets().await, [1, 1]);
    let path = "/api/v1/export?format=json&completeness=incomplete";
    let exported = server.get(path, &admin).await.expect(200).json();
    assert_eq!(exported["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(exported["metrics"][0]["metric_id"], "m1");
}

#[actix_web::test]
async fn other_values_are_refused() {
    let (server, admin) = started().await;
    for (list, value) in [(METRICS, "half"), (METRICS, "Complete"), ("/api/v1/export", "true")] {
        let refused = server.get(&format!("{list}?completeness={value}"), &admin).await;
        let refused = refused.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), ["completeness"], "{value}");
    }
    let twice = format!("{METRICS}?completeness=complete&completeness=complete");
    server.get(&twice, &admin).await.expect(400);
}
