//! Bad input gets the documented 4xx with the field's path and leaves the data untouched.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database};

/// Returns all rows that a bad request might have changed.
async fn fingerprint(server: &Server) -> Vec<Vec<String>> {
    database::sql(
        &server.database_url,
        "SELECT (SELECT md5(string_agg(m::text, '' ORDER BY metric_id)) FROM metrics m),
                (SELECT md5(string_agg(d::text, '' ORDER BY domain_id)) FROM business_domains d),
                (SELECT count(*) FROM metric_revisions), (SELECT count(*) FROM idempotency_keys),
                (SELECT metrics FROM catalogue_totals)",
    )
    .await
}

async fn prepared() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    (server, admin)
}

#[actix_web::test]
async fn malformed_bodies_are_refused() {
    let (server, admin) = prepared().await;
    let before = fingerprint(&server).await;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let big = format!("{{\"a\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let number = metric("m2").to_string().replace("\"target_value\":1", "\"target_value\":1e999");
    let surrogate = metric("m2").to_string().replace("Metric m2", "\\ud800");
    let twice = metric("m2").to_string().replacen('{', "{\"tags\":[],", 1);
    let json = "application/json";
    for (name, media_type, body, status, code) in [
        ("malformed", json, "{\"a\":".to_owned(), 400, "VALIDATION_ERROR"),
        ("empty", json, String::new(), 400, "VALIDATION_ERROR"),
        ("not an object", json, "[]".to_owned(), 400, "VALIDATION_ERROR"),
        ("deep", json, deep, 400, "VALIDATION_ERROR"),
        ("big", json, big, 413, "PAYLOAD_TOO_LARGE"),
        ("beyond f64", json, number, 400, "VALIDATION_ERROR"),
        ("lone surrogate", json, surrogate, 400, "VALIDATION_ERROR"),
        ("a key twice", json, twice, 400, "VALIDATION_ERROR"),
        ("wrong type", "text/plain", metric("m2").to_string(), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            "form",
            "application/x-www-form-urlencoded",
            "a=b".to_owned(),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
    ] {
        for (method, path) in
            [(Method::POST, "/api/v1/metrics"), (Method::PUT, "/api/v1/metrics/m1")]
        {
            let answer = server
                .send(method, path, &admin, &[], Some((media_type, body.clone().into_bytes())))
                .await;
            assert_eq!((answer.status, name), (status, name), "{}", answer.text);
            answer.expect_error(status, code);
        }
    }
    let packed = [("content-encoding", "gzip")];
    let body = Some((json, b"x".to_vec()));
    let answer = server.send(Method::POST, "/api/v1/metrics", &admin, &packed, body).await;
    answer.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(fingerprint(&server).await, before);
}

/// Sets the value at a path such as `data.primary_sources[0].system`; null removes it.
fn at(document: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        Value::Object(map) if value.is_null() => {
            map.remove(last);
        }
        Value::Object(map) => {
            map.insert(last.to_owned(), value);
        }
        _ => panic!("{pointer}"),
    }
}

#[actix_web::test]
async fn metric_violations_name_the_field() {
    let (server, admin) = prepared().await;
    let before = fingerprint(&server).await;
    let long = |length: usize| json!("x".repeat(length));
    let many = Value::from(vec!["x"; 201]);
    let cases = [
        ("/metric_id", json!("a/b"), "metric_id"),
        ("/metric_id", json!(""), "metric_id"),
        ("/metric_id", long(101), "metric_id"),
        ("/name", long(201), "name"),
        ("/name", json!("  "), "name"),
        ("/name", json!("a\u{0}b"), "name"),
        ("/name", json!(5), "name"),
        ("/short_name", long(101), "short_name"),
        ("/description", long(2001), "description"),
        ("/description", json!("<script>x</script>"), "description"),
        ("/category", long(101), "category"),
        ("/tier", json!("Tier-4"), "tier"),
        ("/business_domain", json!("Nowhere"), "business_domain"),
        ("/metric_type", json!("vanity"), "metric_type"),
        ("/tags", many.clone(), "tags"),
        ("/tags/1", json!(""), "tags[1]"),
        ("/tags", json!("a"), "tags"),
        ("/alignment/strategic_pillar", json!(""), "alignment.strategic_pillar"),
        ("/alignment/primary_objective_ids/0", json!("a b"), "alignment.primary_objective_ids[0]"),
        ("/definition/formula", long(2001), "definition.formula"),
        ("/definition/expected_direction", json!("up"), "definition.expected_direction"),
        ("/definition/example_calculation/a", json!("1"), "definition.example_calculation.a"),
        ("/definition/numerator/event_name", json!(""), "definition.numerator.event_name"),
        ("/definition/numerator/filters/0", json!("a"), "definition.numerator.filters[0]"),
        (
            "/definition/numerator/filters/0",
            json!({"k": "\u{0}"}),
            "definition.numerator.filters[0].k",
        ),
        ("/data/primary_sources", json!([]), "data.primary_sources"),
        ("/data/primary_sources/0/system", json!(" "), "data.primary_sources[0].system"),
        ("/data/time_grain", json!([]), "data.time_grain"),
        ("/governance/pii_involved", json!("no"), "governance.pii_involved"),
        ("/governance/status", json!("retired"), "governance.status"),
        ("/governance/created_at", json!("2025-02-30T00:00:00Z"), "governance.created_at"),
        ("/governance/updated_at", json!("yesterday"), "governance.updated_at"),
        ("/dimensions/0/name", json!(""), "dimensions[0].name"),
        ("/targets_and_alerts/target_value", json!("1"), "targets_and_alerts.target_value"),
        (
            "/targets_and_alerts/alert_rules/0/severity",
            json!("bad"),
            "targets_and_alerts.alert_rules[0].severity",
        ),
        (
            "/targets_and_alerts/alert_rules/0/notify_channels",
            json!([]),
            "targets_and_alerts.alert_rules[0].notify_channels",
        ),
        (
            "/visualization/dashboard_locations/0/url",
            json!("javascript:alert(1)"),
            "visualization.dashboard_locations[0].url",
        ),
        (
            "/visualization/dashboard_locations/0/url",
            json!("//x.y"),
            "visualization.dashboard_locations[0].url",
        ),
        (
            "/relationships/upstream_metric_ids",
            json!(["a/b"]),
            "relationships.upstream_metric_ids[0]",
        ),
        (
            "/operational_usage/decision_use_cases",
            json!([]),
            "operational_usage.decision_use_cases",
        ),
        (
            "/operational_usage/linked_playbooks/0/url",
            json!("ftp://x"),
            "operational_usage.linked_playbooks[0].url",
        ),
        ("/metadata/example_queries/0/query", json!(""), "metadata.example_queries[0].query"),
        ("/metadata/notes", json!("\u{0}"), "metadata.notes"),
        ("/colour", json!("red"), "colour"),
        ("/data/colour", json!("red"), "data.colour"),
    ];
    for (pointer, value, field) in cases {
        let mut body = metric("m2");
        at(&mut body, pointer, value);
        let answer = server
            .post("/api/v1/metrics", &admin, &body)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field], "{pointer}");
        // Also in a patch.
        let section = pointer.split('/').nth(1).unwrap();
        let patch = json!({section: body[section]});
        let answer = server
            .put("/api/v1/metrics/m1", &admin, &patch)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field], "{pointer}");
    }
    assert_eq!(fingerprint(&server).await, before);
}

#[actix_web::test]
async fn missing_required_fields_are_refused() {
    let (server, admin) = prepared().await;
    let required = [
        "/metric_id",
        "/name",
        "/short_name",
        "/description",
        "/category",
        "/tier",
        "/business_domain",
        "/metric_type",
        "/alignment",
        "/alignment/strategic_pillar",
        "/alignment/why_it_matters",
        "/definition",
        "/definition/formula",
        "/definition/formula_detail",
        "/definition/numerator",
        "/definition/numerator/event_name",
        "/definition/denominator",
        "/definition/denominator/event_name",
        "/definition/unit",
        "/definition/expected_direction",
        "/definition/example_calculation",
        "/data",
        "/data/primary_sources",
        "/data/primary_sources/0/system",
        "/data/primary_sources/0/table_or_stream",
        "/data/primary_sources/0/connection_id",
        "/data/data_freshness",
        "/data/update_frequency",
        "/data/time_grain",
        "/data/data_retention",
        "/governance",
        "/governance/data_classification",
        "/governance/pii_involved",
        "/governance/owner_team",
        "/governance/technical_owner",
        "/governance/business_owner",
        "/governance/version",
        "/governance/status",
        "/governance/created_at",
        "/governance/updated_at",
        "/dimensions/0/name",
        "/targets_and_alerts",
        "/targets_and_alerts/target_value",
        "/targets_and_alerts/warning_threshold",
        "/targets_and_alerts/critical_threshold",
        "/targets_and_alerts/comparison_baseline",
        "/targets_and_alerts/alert_rules/0/rule_id",
        "/targets_and_alerts/alert_rules/0/condition",
        "/targets_and_alerts/alert_rules/0/severity",
        "/targets_and_alerts/alert_rules/0/notify_channels",
        "/targets_and_alerts/alert_rules/0/evaluation_window",
        "/visualization",
        "/visualization/default_chart_type",
        "/visualization/default_time_range",
        "/visualization/dashboard_locations/0/tool",
        "/visualization/dashboard_locations/0/url",
        "/relationships",
        "/operational_usage",
        "/operational_usage/decision_use_cases",
        "/operational_usage/review_cadence",
        "/operational_usage/linked_playbooks/0/name",
        "/operational_usage/linked_playbooks/0/url",
        "/metadata/example_queries/0/language",
        "/metadata/example_queries/0/query",
    ];
    for pointer in required {
        let mut body = metric("m2");
        at(&mut body, pointer, Value::Null);
        let answer = server
            .post("/api/v1/metrics", &admin, &body)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        // A missing section is named, and what it must contain; a missing list has no items.
        let is_missing = |other: &&&str| {
            let inner = other.strip_prefix(pointer);
            inner.is_some_and(|inner| {
                inner.is_empty() || inner.starts_with('/') && !inner.contains("/0")
            })
        };
        let field = |pointer: &&str| pointer[1..].replace("/0", "[0]").replace('/', ".");
        let expected: Vec<String> = required.iter().filter(is_missing).map(field).collect();
        assert_eq!(answer.fields(), expected, "{pointer}");
        for detail in answer.json()["error"]["details"].as_array().unwrap() {
            assert_eq!(detail["message"], "is required");
        }
    }
    let mut least = metric("m2");
    for optional in
        ["/tags", "/dimensions", "/metadata", "/relationships/tradeoffs", "/data/secondary_sources"]
    {
        at(&mut least, optional, Value::Null);
    }
    let data =
        server.post("/api/v1/metrics", &admin, &least).await.expect(201).json()["data"].clone();
    assert_eq!(data["tags"], json!([]));
    assert_eq!(data["metadata"]["example_queries"], json!([]));
}

#[actix_web::test]
async fn all_violations_are_reported_without_values() {
    let (server, admin) = prepared().await;
    let body = metric_with(
        "m2",
        &json!({"name": "", "tags": ["ok", ""], "category": "SECRET".repeat(50)}),
    );
    let answer =
        server.post("/api/v1/metrics", &admin, &body).await.expect_error(400, "VALIDATION_ERROR");
    let mut fields = answer.fields();
    fields.sort();
    assert_eq!(fields, ["category", "name", "tags[1]"]);
    assert!(!answer.text.contains("SECRET"));
    let answer = server
        .post("/api/v1/metrics", &admin, &metric_with("m2", &json!({"tier": "SECRET"})))
        .await;
    assert!(!answer.expect_error(400, "VALIDATION_ERROR").text.contains("SECRET"));
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect_error(409, "CONFLICT");
}

#[actix_web::test]
async fn malformed_paths_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for id in ["a%2Fb", "%zz", "%00", "a%20b", "%ff", "caf%C3%A9", &"x".repeat(101)] {
        for path in [format!("/api/v1/metrics/{id}"), format!("/api/v1/domains/{id}")] {
            let raw = raw_get(&server, &path, &admin).await;
            assert!(raw.starts_with("HTTP/1.1 400"), "{path}: {raw}");
            assert!(raw.contains("VALIDATION_ERROR"), "{path}: {raw}");
        }
    }
    let raw = raw_get(&server, "/api/v1/metrics/a/b", &admin).await;
    assert!(raw.starts_with("HTTP/1.1 404") && raw.contains("NOT_FOUND"), "{raw}");
}

/// Sends a path without the normalisation of an HTTP client.
async fn raw_get(server: &Server, path: &str, token: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream =
        tokio::net::TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: \
         close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
