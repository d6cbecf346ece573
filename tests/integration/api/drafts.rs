//! Drafts of metrics may lack what active and deprecated ones need; nothing becomes active without
//! it, whichever way it is written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, json_body};

const D1: &str = "/api/v1/metrics/d1";
const METRICS: &str = "/api/v1/metrics";

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    (server, admin)
}

/// Returns the smallest draft.
pub fn draft(id: &str) -> Value {
    json!({
        "metric_id": id, "name": format!("Draft {id}"), "business_domain": "Finance",
        "governance": {"status": "draft"},
    })
}

async fn merge(server: &Server, token: &str, patch: &Value) -> Answer {
    let body = serde_json::to_vec(patch).unwrap();
    let body = Some(("application/merge-patch+json", body));
    server.send(Method::PATCH, D1, token, &[], body).await
}

fn missing(answer: &Value) -> Vec<String> {
    let paths = answer["completeness"]["missing"].as_array().expect("missing paths").iter();
    paths.map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn draft_grows_until_it_is_active() {
    let (server, admin) = started().await;
    let created = server.post(METRICS, &admin, &draft("d1")).await.expect(201).json();
    assert_eq!(created["data"]["governance"]["status"], "draft");
    for absent in ["short_name", "description", "category", "tier", "metric_type"] {
        assert_eq!(created["data"].get(absent), None, "{absent}");
    }
    let lacking = missing(&created);
    for path in ["short_name", "tier", "definition.formula", "data.time_grain"] {
        assert!(lacking.iter().any(|missing| missing == path), "{path}: {lacking:?}");
    }
    let share = created["completeness"]["share"].as_f64().unwrap();
    assert!(share > 0.0 && share < 0.2, "{share}");
    let read = server.get(D1, &admin).await.expect(200).json();
    assert_eq!(
        (&read["data"], &read["completeness"]),
        (&created["data"], &created["completeness"])
    );
    // What was read can be sent back, and is no change.
    let same = server.put(D1, &admin, &read["data"]).await.expect(200);
    assert_eq!(same.header("etag"), "\"1.0.0\"");
    // Lists do not say it, but show and filter drafts.
    let list = server.get("/api/v1/metrics?status=draft&sort=tier", &admin).await.expect(200);
    assert_eq!(list.json()["data"], json!([read["data"]]));
    let found = server.get("/api/v1/metrics?search=draft", &admin).await.expect(200).json();
    assert_eq!(found["count"], 1);

    // All that is missing is named, by PUT and by PATCH.
    let whole = metric("d1");
    let put = json!({"governance": whole["governance"]});
    let refused = server.put(D1, &admin, &put).await.expect_error(400, "VALIDATION_ERROR");
    let expected: Vec<_> =
        lacking.iter().filter(|path| !path.starts_with("governance.")).cloned().collect();
    assert_eq!(refused.fields(), expected);
    let refused = merge(&server, &admin, &json!({"governance": {"status": "active"}})).await;
    assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), lacking);
    // A part of a section at a time.
    let part = json!({"definition": {"formula": "a / b", "numerator": {"event_name": "e"}}});
    let grown = merge(&server, &admin, &part).await.expect(200).json();
    assert_eq!(missing(&grown).len(), lacking.len() - 2);
    assert!(grown["completeness"]["share"].as_f64().unwrap() > share);
    server.put(D1, &admin, &json!({"definition": {"unit": "EUR"}})).await.expect(200);
    merge(&server, &admin, &json!({"tier": "Tier-2"})).await.expect(200);
    merge(&server, &admin, &json!({"tier": null})).await.expect(200);
    let refused = merge(&server, &admin, &json!({"name": null})).await;
    assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), ["name"]);

    let active = server.put(D1, &admin, &whole).await.expect(200).json();
    assert_eq!(active["completeness"], json!({"share": 1.0, "missing": []}));
    assert_eq!(active["data"]["governance"]["status"], "active");
    // Now it cannot lose anything, unless it becomes a draft again.
    let refused = merge(&server, &admin, &json!({"tier": null})).await;
    assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), ["tier"]);
    let put = json!({"data": {"time_grain": []}, "tier": "Tier-2"});
    let refused = server.put(D1, &admin, &put).await.expect_error(400, "VALIDATION_ERROR");
    let lost = ["primary_sources", "data_freshness", "update_frequency", "time_grain"];
    let lost = lost.iter().chain(&["data_retention"]).map(|name| format!("data.{name}"));
    assert_eq!(refused.fields(), lost.collect::<Vec<_>>());
    let back = json!({"tier": null, "governance": {"status": "draft"}});
    let back = merge(&server, &admin, &back).await.expect(200).json();
    assert_eq!(missing(&back), ["tier"]);
}

#[actix_web::test]
async fn complete_metrics_and_lists_are_as_before() {
    let (server, admin) = started().await;
    let created = server.post(METRICS, &admin, &metric("m1")).await.expect(201).json();
    assert_eq!(created["completeness"]["share"], 1.0);
    assert_eq!(created["data"].get("completeness"), None);
    // Without a status a metric is no draft.
    let mut without = draft("d2");
    without["governance"] = json!({});
    let refused =
        server.post(METRICS, &admin, &without).await.expect_error(400, "VALIDATION_ERROR");
    assert!(refused.fields().contains(&"governance.status".to_owned()));
    assert!(refused.fields().contains(&"alignment".to_owned()));
    without.as_object_mut().unwrap().remove("governance");
    let refused =
        server.post(METRICS, &admin, &without).await.expect_error(400, "VALIDATION_ERROR");
    assert!(refused.fields().contains(&"governance".to_owned()));
    for status in ["active", "deprecated"] {
        without["governance"] = json!({ "status": status });
        let refused = server.post(METRICS, &admin, &without).await;
        assert!(refused.expect_error(400, "VALIDATION_ERROR").fields().len() > 40, "{status}");
    }
    // The rules of what is there hold for drafts, too; clients do not say how complete they are.
    for (field, value) in [
        ("tier", json!("Tier-9")),
        ("short_name", json!("")),
        ("description", Value::Null),
        ("completeness", json!({"share": 1, "missing": []})),
        ("business_domain", json!("Nowhere")),
    ] {
        let mut bad = draft("d2");
        bad[field] = value;
        let refused =
            server.post(METRICS, &admin, &bad).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [field]);
    }
    let list = server.get(METRICS, &admin).await.json();
    assert_eq!((list["count"].clone(), list["data"][0].get("completeness")), (json!(1), None));
}

#[actix_web::test]
async fn versions_of_drafts_are_read_compared_and_restored() {
    let (server, admin) = started().await;
    server.post(METRICS, &admin, &draft("d1")).await.expect(201);
    server.advance(60);
    let instant = server.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    server.advance(60);
    let first = server.get(D1, &admin).await.json()["data"].clone();
    server.put(D1, &admin, &metric("d1")).await.expect(200);
    let version = server.get(&format!("{D1}/versions/1.0.0"), &admin).await.expect(200).json();
    let mut kept = first.clone();
    kept["metadata"].as_object_mut().unwrap().remove("change_history");
    assert_eq!(version["data"]["content"], kept);
    let then = server.get(&format!("{D1}?as_of={instant}"), &admin).await.expect(200).json();
    assert_eq!(then["data"], kept);
    assert!(missing(&then).contains(&"tier".to_owned()));
    let diff = server.get(&format!("{D1}/diff?from=1.0.0&to=2.0.0"), &admin).await.expect(200);
    let diff = diff.json()["data"]["changes"].as_array().unwrap().clone();
    let tier = diff.iter().find(|change| change["path"] == "tier").expect("a change");
    assert_eq!((tier.get("old"), &tier["new"]), (None, &json!("Tier-1")));

    let restore = |version: &'static str| {
        let body = Some(json_body(&json!({ "version": version })));
        server.send(Method::POST, "/api/v1/metrics/d1/restore", &admin, &[], body)
    };
    let restored = restore("1.0.0").await.expect(200).json();
    assert!(missing(&restored).contains(&"tier".to_owned()));
    for field in ["governance", "definition", "tags", "relationships"] {
        assert_eq!(restored["data"][field], first[field], "{field}");
    }
    assert_eq!(restore("2.0.0").await.expect(200).json()["completeness"]["share"], 1.0);
    // Also of a deleted metric.
    restore("1.0.0").await.expect(200);
    server.delete(D1, &admin).await.expect(200);
    let restored = restore("1.0.0").await.expect(200).json();
    assert_eq!(
        restored["data"]["governance"],
        json!({
            "status": "draft", "regulatory_constraints": [],
        })
    );
}

#[actix_web::test]
async fn drafts_are_exported_and_imported_as_they_are() {
    let (server, admin) = started().await;
    let mut partial = draft("d1");
    partial["data"] = json!({"primary_sources": [{"system": "s"}]});
    partial["targets_and_alerts"] = json!({"target_value": 0.5});
    server.post(METRICS, &admin, &partial).await.expect(201);
    server.post(METRICS, &admin, &draft("d2")).await.expect(201);
    server.post(METRICS, &admin, &metric("m1")).await.expect(201);
    for (format, media_type) in [("json", "application/json"), ("yaml", "application/yaml")] {
        let path = format!("/api/v1/export?format={format}");
        let exported = server.get(&path, &admin).await.expect(200).text;
        let (other, token) = started().await;
        let import = async |document: &str| {
            let body = Some((media_type, document.as_bytes().to_vec()));
            other.send(Method::POST, "/api/v1/import", &token, &[], body).await
        };
        let report = import(&exported).await.expect(200).json();
        assert_eq!(report["data"]["counts"]["created"], 3, "{report}");
        let again = import(&exported).await.expect(200).json();
        assert_eq!(again["data"]["counts"]["unchanged"], 5, "{again}");
        assert_eq!(other.get(&path, &token).await.expect(200).text, exported);
        let here = server.get(D1, &admin).await.json();
        let there = other.get(D1, &token).await.json();
        assert_eq!(here["completeness"], there["completeness"]);
        assert!(missing(&there).contains(&"data.primary_sources[0].connection_id".to_owned()));
    }
    // An import gives no draft another status without the rest.
    let mut active = partial.clone();
    active["governance"]["status"] = json!("active");
    let document = json!({"metrics": [active, metric_with("m1", &json!({"tags": ["new"]}))]});
    let refused = server.post("/api/v1/import", &admin, &document).await;
    let fields = refused.expect_error(400, "VALIDATION_ERROR").fields();
    assert!(fields.contains(&"metrics[0].tier".to_owned()), "{fields:?}");
    assert_eq!(server.get("/api/v1/metrics/m1", &admin).await.header("etag"), "\"1.0.0\"");
}

#[actix_web::test]
async fn drafts_do_not_disturb_filters_counts_and_renames() {
    let (server, admin) = started().await;
    server.post(METRICS, &admin, &draft("d1")).await.expect(201);
    server.post(METRICS, &admin, &metric("m1")).await.expect(201);
    for filter in ["tier=Tier-1", "category=Revenue", "metric_type=lagging", "status=active"] {
        let list = server.get(&format!("{METRICS}?{filter}"), &admin).await.expect(200).json();
        assert_eq!((&list["count"], &list["data"][0]["metric_id"]), (&json!(1), &json!("m1")));
    }
    let selected = format!("{D1}?fields=tier,governance.status");
    let selected = server.get(&selected, &admin).await.expect(200).json();
    assert_eq!(selected["data"], json!({"metric_id": "d1", "governance": {"status": "draft"}}));
    for sort in ["tier", "-tier", "name"] {
        let mut path = format!("{METRICS}?sort={sort}&limit=1&cursor=start");
        let mut ids = Vec::new();
        for _ in 0..2 {
            let part = server.get(&path, &admin).await.expect(200).json();
            ids.push(part["data"][0]["metric_id"].as_str().unwrap().to_owned());
            let next = part["pagination"]["next_cursor"].as_str().unwrap_or_default();
            path = format!("{METRICS}?sort={sort}&limit=1&cursor={next}");
        }
        ids.sort();
        assert_eq!(ids, ["d1", "m1"], "{sort}");
    }
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    let renamed = server.get(D1, &admin).await.json();
    assert_eq!(renamed["data"]["business_domain"], "Money");
    assert_eq!(renamed["data"].get("tier"), None);
    let version = server.get(&format!("{D1}/versions/1.0.0"), &admin).await.expect(200).json();
    assert_eq!(version["data"]["content"]["business_domain"], "Finance");
}
