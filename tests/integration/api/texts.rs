//! Texts with control, invisible or bidirectional-override characters are refused.

use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database};

/// Returns the sample with another value at a JSON pointer.
fn with(pointer: &str, value: &Value) -> Value {
    let mut whole = metric("m");
    *whole.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    whole
}

const LINES: [&str; 10] = [
    "/name",
    "/short_name",
    "/category",
    "/tags/0",
    "/alignment/strategic_pillar",
    "/governance/owner_team",
    "/data/primary_sources/0/system",
    "/dimensions/0/name",
    "/targets_and_alerts/alert_rules/0/rule_id",
    "/operational_usage/linked_playbooks/0/name",
];
const PROSE: [&str; 9] = [
    "/description",
    "/definition/formula",
    "/definition/formula_detail",
    "/alignment/why_it_matters",
    "/governance/regulatory_constraints/0",
    "/targets_and_alerts/alert_rules/0/condition",
    "/relationships/tradeoffs/0",
    "/metadata/notes",
    "/metadata/example_queries/0/query",
];

#[actix_web::test]
async fn deceptive_characters_are_refused_with_the_fields_path() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let refused = async |pointer: &str, text: &str| {
        let answer = server.post("/api/v1/metrics", &admin, &with(pointer, &json!(text))).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR");
        let field = answer.fields()[0].replace(['[', '.'], "/").replace(']', "");
        assert_eq!(format!("/{field}"), pointer, "{text:?}");
        assert!(!answer.text.contains(text), "echoed: {text:?}");
    };
    for pointer in LINES {
        for text in
            ["a\u{202e}b", "a\u{200b}b", "a\nb", "a\u{1b}[0m", "pay\u{200c}pal", "a\u{e0061}"]
        {
            refused(pointer, text).await;
        }
    }
    for pointer in PROSE {
        for text in ["a\u{202e}b", "a\u{2066}b", "a\u{0}b", "a\u{1b}[0m"] {
            refused(pointer, text).await;
        }
        let body = with(pointer, &json!("two\nlines,\ta tab"));
        server.post("/api/v1/metrics", &admin, &body).await.expect(201);
        server.delete("/api/v1/metrics/m", &admin).await.expect(200);
    }
    for (path, body) in [
        ("/api/v1/domains", json!({"domain_id": "x", "name": "a\u{202e}b"})),
        ("/api/v1/domains", json!({"domain_id": "x", "name": "x", "key_areas": ["\u{200b}"]})),
        ("/api/v1/domains", json!({"domain_id": "x", "name": "x", "tier_focus": {"a\u{200b}": 1}})),
        ("/api/auth/api-keys", json!({"name": "a\u{2060}b", "scopes": ["metrics:read"]})),
        (
            "/api/auth/users",
            json!({"username": "vera", "email": "v@example.com",
                "password": "some password for tests",
                   "full_name": "V\u{202e}era"}),
        ),
        ("/health/circuit-breakers/metrics", json!({"action": "close", "reason": "a\nb"})),
    ] {
        server.post(path, &admin, &body).await.expect_error(400, "VALIDATION_ERROR");
    }
    let persian =
        metric_with("p", &json!({"name": "نرخ می\u{200c}خواهم", "category": "⚠\u{fe0f}"}));
    server.post("/api/v1/metrics", &admin, &persian).await.expect(201);
}

#[actix_web::test]
async fn urls_are_stored_as_parsed_without_credentials() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for pointer in
        ["/visualization/dashboard_locations/0/url", "/operational_usage/linked_playbooks/0/url"]
    {
        for url in [
            "https://user:secret@x.y/",
            "https://user@x.y/",
            "javascript:x",
            "data:,x",
            "x.y",
            "https://",
        ] {
            let answer = server.post("/api/v1/metrics", &admin, &with(pointer, &json!(url))).await;
            assert!(!answer.expect_error(400, "VALIDATION_ERROR").text.contains("secret"));
        }
        let body = with(pointer, &json!("HTTPS://Example.com:443/a/../b c?q=1#f"));
        let created = server.post("/api/v1/metrics", &admin, &body).await.expect(201).json();
        assert_eq!(created["data"].pointer(pointer).unwrap(), "https://example.com/b%20c?q=1#f");
        // The text as it was first sent is no change.
        let version = created["data"]["metadata"]["version"].clone();
        let again = server.put("/api/v1/metrics/m", &admin, &body).await.expect(200).json();
        assert_eq!(again["data"]["metadata"]["version"], version);
        server.delete("/api/v1/metrics/m", &admin).await.expect(200);
    }
}

#[actix_web::test]
async fn stored_invalid_values_stay_readable_and_allow_other_changes() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let created = server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201).json();
    // As an earlier release accepted them.
    database::sql(
        &server.database_url,
        r#"UPDATE metrics SET name = E'two\nlines \u202e',
               visualization = jsonb_set(
                   visualization, '{dashboard_locations,0,url}', '"HTTPS://User@Example.com"');
           UPDATE business_domains SET owner_team = E'a\u200bb' WHERE domain_id = 'd1'"#,
    )
    .await;
    let read = server.get("/api/v1/metrics/m?", &admin).await.expect(200).json();
    assert_eq!(read["data"]["name"], "two\nlines \u{202e}");
    let unchanged = server
        .put("/api/v1/metrics/m", &admin, &json!({"tier": "Tier-1"}))
        .await
        .expect(200)
        .json();
    assert_eq!(unchanged["data"]["metadata"]["version"], created["data"]["metadata"]["version"]);
    let changed =
        server.put("/api/v1/metrics/m", &admin, &json!({"tags": ["new"]})).await.expect(200).json();
    assert_eq!(changed["data"]["metadata"]["change_history"][0]["fields_changed"], json!(["tags"]));
    assert_eq!(changed["data"]["name"], "two\nlines \u{202e}");
    server.put("/api/v1/domains/d1", &admin, &json!({"color": "red"})).await.expect(200);
    let answer = server.put("/api/v1/metrics/m", &admin, &json!({"name": "two\nlines"})).await;
    assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields(), ["name"]);
}
