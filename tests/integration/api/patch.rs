//! `PATCH` of metrics and business domains: merge patches (RFC 7396), otherwise as `PUT`.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server, database, merge_body};

const METRIC: &str = "/api/v1/metrics/m1";
const DOMAIN: &str = "/api/v1/domains/d1";

/// Returns everything that a bad request might have changed.
async fn fingerprint(server: &Server) -> Vec<Vec<String>> {
    database::sql(
        &server.database_url,
        "SELECT (SELECT md5(string_agg(m::text, '' ORDER BY metric_id)) FROM metrics m),
                (SELECT md5(string_agg(d::text, '' ORDER BY domain_id)) FROM business_domains d),
                (SELECT count(*) FROM metric_revisions)",
    )
    .await
}

async fn prepared(options: &[&str]) -> (Server, String) {
    let server = Server::with(options).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    (server, admin)
}

async fn merge_if(server: &Server, token: &str, version: &str, body: &Value) -> Answer {
    let headers = [("if-match", version)];
    server.send(Method::PATCH, METRIC, token, &headers, Some(merge_body(body))).await
}

fn messages(answer: &Answer) -> Vec<String> {
    let details = answer.json()["error"]["details"].as_array().cloned().unwrap_or_default();
    let text = |detail: &Value, name: &str| detail[name].as_str().unwrap().to_owned();
    details.iter().map(|one| format!("{} {}", text(one, "field"), text(one, "message"))).collect()
}

#[actix_web::test]
async fn members_are_merged_at_any_depth() {
    let (server, admin) = prepared(&[]).await;
    let mut expected = metric("m1");
    for (patch, version, fields) in [
        // One unit, without the rest of its section: a major version.
        (json!({"definition": {"unit": "EUR"}}), "2.0.0", json!(["definition.unit"])),
        (
            json!({"definition": {"numerator": {"filters": [{"a": null}]}}}),
            "2.0.1",
            json!(["definition.numerator"]),
        ),
        // A list is replaced, null removes an optional member or gives a default.
        (json!({"data": {"time_grain": ["week"]}}), "2.0.2", json!(["data.time_grain"])),
        (json!({"metadata": {"notes": null}}), "2.0.3", json!(["metadata.notes"])),
        (json!({"tags": null, "name": "N"}), "2.1.0", json!(["name", "tags"])),
        (
            json!({"definition": {"example_calculation": {"a": null, "z": 2}}}),
            "2.1.1",
            json!(["definition.example_calculation"]),
        ),
    ] {
        let changed = server.merge(METRIC, &admin, &patch).await.expect(200);
        assert_eq!(changed.header("etag"), format!("\"{version}\""), "{patch}");
        let entry = changed.json()["data"]["metadata"]["change_history"][0].clone();
        let mut changed = entry["fields_changed"].as_array().unwrap().clone();
        changed.sort_by_key(Value::to_string);
        assert_eq!(json!(changed), fields, "{patch}");
    }
    expected["definition"]["unit"] = json!("EUR");
    expected["definition"]["numerator"]["filters"] = json!([{"a": null}]);
    expected["data"]["time_grain"] = json!(["week"]);
    expected["metadata"].as_object_mut().unwrap().remove("notes");
    expected["tags"] = json!([]);
    expected["name"] = json!("N");
    let example = expected["definition"]["example_calculation"].as_object_mut().unwrap();
    example.remove("a");
    example.insert("z".into(), json!(2));
    let mut data = server.get(METRIC, &admin).await.expect(200).json()["data"].clone();
    data["metadata"].as_object_mut().unwrap().retain(|key, _| key == "example_queries");
    assert_eq!(data, expected);

    let domain = json!({"tier_focus": {"Tier-1": {"a": 1, "b": 2}}, "color": "#fff"});
    server.merge(DOMAIN, &admin, &domain).await.expect(200);
    let domain = json!({"tier_focus": {"Tier-1": {"a": null}, "Tier-2": "x"}, "color": null});
    let changed = server.merge(DOMAIN, &admin, &domain).await.expect(200);
    let data = changed.json()["data"].clone();
    assert_eq!(data["tier_focus"], json!({"Tier-1": {"b": 2}, "Tier-2": "x"}));
    assert_eq!((&data["color"], changed.header("etag")), (&json!(null), "\"3\""));
}

#[actix_web::test]
async fn patch_follows_the_rules_of_put() {
    let (server, admin) = prepared(&[]).await;
    let (_, viewer) = server.user(&admin, "vic", "viewer").await;
    // Equal values are no change, however they are written.
    for same in [
        json!({}),
        metric("m1"),
        json!({"targets_and_alerts": {"target_value": 1.0}}),
        json!({"governance": {"created_at": "2024-02-29T22:59:59+01:00"}}),
        json!({"definition": {"example_calculation": {"unknown": null}}}),
    ] {
        let answer = server.merge(METRIC, &admin, &same).await.expect(200);
        assert_eq!(answer.header("etag"), "\"1.0.0\"", "{same}");
    }
    let history = server.get(&format!("{METRIC}/history"), &admin).await.json();
    assert_eq!(history["count"], 1);
    // Rich texts are cleaned, with warnings.
    let unclean = json!({"metadata": {"notes": "<b>x</b><script>y</script>"}});
    let cleaned = server.merge(METRIC, &admin, &unclean).await.expect(200).json();
    assert_eq!(cleaned["data"]["metadata"]["notes"], "<b>x</b>");
    assert_eq!(cleaned["warnings"][0]["field"], "metadata.notes");
    // Preconditions.
    let unit = json!({"definition": {"unit": "u"}});
    let stale = merge_if(&server, &admin, "\"1.0.0\"", &unit).await;
    assert_eq!(stale.expect_error(412, "PRECONDITION_FAILED").header("etag"), "\"1.0.1\"");
    merge_if(&server, &admin, "\"1.0.1\"", &unit).await.expect(200);
    server.merge(METRIC, &viewer, &unit).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.merge(METRIC, "", &unit).await.expect_error(401, "AUTHENTICATION_ERROR");
    let nothing = "/api/v1/metrics/never";
    let missing = server.merge(nothing, &admin, &unit).await.expect_error(404, "NOT_FOUND");
    assert_eq!(missing.json()["error"]["message"], "Metric \"never\" not found");
    // A rename of a domain reaches its metrics, a taken name is a conflict.
    server.merge(DOMAIN, &admin, &json!({"name": "Growth"})).await.expect_error(409, "CONFLICT");
    server.merge(DOMAIN, &admin, &json!({"name": "Money"})).await.expect(200);
    assert_eq!(server.get(METRIC, &admin).await.json()["data"]["business_domain"], "Money");

    let (strict, admin) = prepared(&["--require-if-match", "true"]).await;
    strict.merge(METRIC, &admin, &unit).await.expect_error(428, "PRECONDITION_REQUIRED");
    merge_if(&strict, &admin, "\"1.0.0\"", &unit).await.expect(200);
}

#[actix_web::test]
async fn bad_patches_are_refused_with_all_violations() {
    let (server, admin) = prepared(&[]).await;
    let before = fingerprint(&server).await;
    let bad = json!({
        "metric_id": "m1", "name": "", "tier": "Tier-4", "tags": {"a": 1}, "colour": null,
        "definition": {"unit": null, "formla": null, "numerator": {"filters": [1]}},
        "data": null, "governance": [], "metadata": {"notes": 5},
    });
    let answer = server.merge(METRIC, &admin, &bad).await.expect_error(400, "VALIDATION_ERROR");
    let found = messages(&answer);
    for expected in [
        "name must not be empty",
        "tier must be one of Tier-1, Tier-2, Tier-3",
        "tags must be a list of texts",
        "definition.numerator.filters[0] must be an object",
        "definition.unit is required",
        "definition.formla is not a known field",
        "data is required",
        "data.primary_sources is required",
        "governance must be an object",
        "metadata.notes must be a text",
        "colour is not a known field",
    ] {
        let field = expected.split(' ').next().unwrap();
        let has = found.iter().any(|one| {
            one == expected || expected.starts_with("name ") && one.starts_with("name ")
        });
        assert!(has, "{field}: {found:#?}");
    }
    for (path, body, field) in [
        (METRIC, json!({"metric_id": "m2"}), "metric_id"),
        (METRIC, json!({"metric_id": null}), "metric_id"),
        (METRIC, json!({"business_domain": "Nowhere"}), "business_domain"),
        (METRIC, json!({"data": {"primary_sources": []}}), "data.primary_sources"),
        (METRIC, json!({"definition": "x"}), "definition"),
        (METRIC, json!({"name": "a\u{0}b"}), "name"),
        (METRIC, json!([]), ""),
        (METRIC, json!(null), ""),
        (METRIC, json!("x"), ""),
        (DOMAIN, json!({"name": null}), "name"),
        (DOMAIN, json!({"domain_id": "d9"}), "domain_id"),
        (DOMAIN, json!({"contact_email": "x"}), "contact_email"),
        (DOMAIN, json!({"tier_focus": null, "x": null}), "x"),
    ] {
        let answer = server.merge(path, &admin, &body).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field], "{path} {body}");
    }
    let values: serde_json::Map<_, _> = (0..600).map(|n| (format!("a{n}"), json!(n))).collect();
    server.merge(DOMAIN, &admin, &json!({"tier_focus": values.clone()})).await.expect(200);
    let more: serde_json::Map<_, _> = (0..600).map(|n| (format!("b{n}"), json!(n))).collect();
    let answer = server.merge(DOMAIN, &admin, &json!({"tier_focus": more})).await;
    assert!(answer.expect_error(400, "VALIDATION_ERROR").fields()[0].starts_with("tier_focus"));
    let removed: serde_json::Map<_, _> =
        values.keys().map(|key| (key.clone(), json!(null))).collect();
    server.merge(DOMAIN, &admin, &json!({"tier_focus": removed})).await.expect(200);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let twice = "{\"tags\":[],\"tags\":[]}".to_owned();
    let large = format!("{{\"tags\":[]{}}}", " ".repeat(256 * 1024));
    for (body, status, code) in [
        (deep, 400, "VALIDATION_ERROR"),
        (twice, 400, "VALIDATION_ERROR"),
        (String::new(), 400, "VALIDATION_ERROR"),
        (large, 413, "PAYLOAD_TOO_LARGE"),
    ] {
        let body = Some(("application/merge-patch+json; charset=utf-8", body.into_bytes()));
        let answer = server.send(Method::PATCH, METRIC, &admin, &[], body).await;
        answer.expect_error(status, code);
    }
    assert_eq!(fingerprint(&server).await[0][0], before[0][0]);
    assert_eq!(fingerprint(&server).await[0][2], before[0][2]);
}

#[actix_web::test]
async fn other_media_types_are_refused_with_the_accepted_one() {
    let (server, admin) = prepared(&["--cors-origin", "https://app.example.com"]).await;
    let merge = "application/merge-patch+json";
    for media_type in ["application/json", "application/json-patch+json", "text/plain", ""] {
        for path in [METRIC, DOMAIN] {
            let body = Some((media_type, b"{}".to_vec()));
            let answer = server.send(Method::PATCH, path, &admin, &[], body).await;
            let answer = answer.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
            assert_eq!(answer.header("accept-patch"), merge, "{media_type}");
        }
    }
    // Where other origins are allowed, OPTIONS is a preflight.
    let (other, token) = prepared(&[]).await;
    for (server, method, admin) in [
        (&server, Method::POST, &admin),
        (&other, Method::POST, &token),
        (&other, Method::OPTIONS, &token),
    ] {
        let answer = server.send(method, METRIC, admin, &[], None).await;
        let answer = answer.expect_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), "GET, HEAD, PUT, PATCH, DELETE");
        assert_eq!(answer.header("accept-patch"), merge);
    }
    let list = server.delete("/api/v1/metrics", &admin).await;
    assert_eq!(list.expect_error(405, "METHOD_NOT_ALLOWED").header("accept-patch"), "");
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "content-type,if-match"),
    ];
    let preflight = server.send(Method::OPTIONS, METRIC, "", &headers, None).await.expect(200);
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    let read = server.send(Method::GET, METRIC, &admin, &headers[..1], None).await.expect(200);
    assert!(read.header("access-control-expose-headers").to_lowercase().contains("accept-patch"));
}

#[actix_web::test]
async fn concurrent_patches_of_one_section_lose_no_change() {
    let (server, admin) = prepared(&[]).await;
    for round in 0..10 {
        let patches: Vec<Value> = ["data_freshness", "update_frequency", "data_retention"]
            .iter()
            .map(|field| json!({"data": {*field: format!("{field} {round}")}}))
            .collect();
        for answer in join_all(patches.iter().map(|one| server.merge(METRIC, &admin, one))).await {
            answer.expect(200);
        }
        let data = server.get(METRIC, &admin).await.json()["data"]["data"].clone();
        for field in ["data_freshness", "update_frequency", "data_retention"] {
            assert_eq!(data[field], format!("{field} {round}"));
        }
    }
    let history = server.get(&format!("{METRIC}/history"), &admin).await.json();
    assert_eq!(history["pagination"]["total"], 31);
    // Of two patches of one version, one is applied.
    let version = server.get(METRIC, &admin).await.header("etag").to_owned();
    let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
    let both = join_all([&a, &b].map(|body| merge_if(&server, &admin, &version, body))).await;
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}
