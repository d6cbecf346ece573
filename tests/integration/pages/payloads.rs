//! Texts of the catalogue are shown as text, whatever they contain, on every page.

use std::collections::BTreeSet;

use mdl::http::pages;
use serde_json::{Value, json};

use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server};

pub const PAYLOAD: &str = "\"'><script>pwned()</script><img src=x onerror=pwned()>\
    <b hx-get=/x>javascript:pwned()";

/// Texts that have a form of their own.
const FORMAL: [&str; 16] = [
    "metric_id",
    "tier",
    "business_domain",
    "metric_type",
    "expected_direction",
    "status",
    "severity",
    "created_at",
    "updated_at",
    "primary_objective_ids",
    "upstream_metric_ids",
    "downstream_metric_ids",
    "successor_id",
    "sunset_on",
    "url",
    "version",
];

/// Replaces every text that may be any text, and every name in objects of any shape.
fn poisoned(key: &str, value: &Value) -> Value {
    match value {
        Value::String(_) if FORMAL.contains(&key) => value.clone(),
        Value::String(_) => json!(PAYLOAD),
        Value::Array(items) => items.iter().map(|item| poisoned(key, item)).collect(),
        Value::Object(_) if key == "example_calculation" => json!({PAYLOAD: 1}),
        Value::Object(_) if key == "filters" => json!({PAYLOAD: [PAYLOAD, {PAYLOAD: PAYLOAD}]}),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), poisoned(name, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Stores a metric whose every text is a payload, in two versions, and an API key. Returns the
/// pages that show them.
pub async fn store(server: &Server) -> Vec<String> {
    let admin = server.admin().await;
    let domain = json!({"domain_id": "d", "name": PAYLOAD, "description": PAYLOAD});
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    let mut body = poisoned("", &metric("m"));
    body["business_domain"] = json!(PAYLOAD);
    body["visualization"]["dashboard_locations"][0]["url"] =
        json!("https://example.com/?a=%22%3E%3Cscript%3E");
    server.post("/api/v1/metrics", &admin, &body).await.expect(201);
    let change = json!({"name": format!("{PAYLOAD} {PAYLOAD}"), "tags": [PAYLOAD, "javascript:x"],
        "definition": {"formula": format!("{PAYLOAD} and again a few words more")}});
    server.merge("/api/v1/metrics/m", &admin, &change).await.expect(200);
    let mut below = poisoned("", &metric("n"));
    below["business_domain"] = json!(PAYLOAD);
    below["relationships"]["upstream_metric_ids"] = json!(["m"]);
    server.post("/api/v1/metrics", &admin, &below).await.expect(201);
    let key = json!({"name": "\"'><script>pwned()</script>", "description": PAYLOAD,
        "scopes": ["metrics:read"]});
    let (key, _) = server.create_key(&admin, &key).await;
    let me = server.get("/api/auth/me", &admin).await.expect(200).json();
    paths(&key, me["user"]["user_id"].as_str().unwrap())
}

/// The pages of these, and all others. A new page that no path here leads to fails the test below.
fn paths(key: &str, user: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(PAYLOAD.as_bytes()).collect();
    let mut paths: Vec<String> = [
        "/dashboard",
        "/dashboard/metrics/m",
        "/dashboard/metrics/m/versions",
        "/dashboard/metrics/m/versions/1.0.0",
        "/dashboard/metrics/m/compare?from=1.0.0&to=2.0.0",
        "/dashboard/metrics/m/impact",
        "/dashboard/metrics/n/impact",
        "/dashboard/metrics/m/activity",
        "/dashboard/metrics/m/edit",
        "/dashboard/metrics/m/deprecate",
        "/dashboard/metrics/m/delete",
        "/dashboard/new-metric?from=m",
        "/dashboard/import",
        "/dashboard/sign-in",
        "/dashboard/register",
        "/dashboard/lost-password",
        "/dashboard/account",
        "/dashboard/account/password",
        "/dashboard/domains",
        "/dashboard/domains/d",
        "/dashboard/domains/d/edit",
        "/dashboard/domains/d/delete",
        "/dashboard/new-domain",
        "/dashboard/api-keys",
        "/dashboard/api-keys/new",
        "/dashboard/api-keys/revoke",
        "/dashboard/users",
        "/dashboard/audit",
        "/dashboard/health",
    ]
    .map(str::to_owned)
    .to_vec();
    for query in ["search", "category", "owner_team", "business_domain", "sort", "tier"] {
        paths.push(format!("/dashboard?{query}={encoded}"));
    }
    paths.push(format!("/dashboard/domains?search={encoded}"));
    paths.push(format!("/dashboard/audit?action={encoded}"));
    paths.push(format!("/dashboard/api-keys/{key}"));
    paths.push(format!("/dashboard/api-keys/{key}/revoke"));
    paths.push(format!("/dashboard/users/{user}"));
    paths.push(format!("/dashboard/users/{user}/change?role={encoded}"));
    paths.push(format!("/dashboard/sign-in?next={encoded}&done={encoded}"));
    paths.push(format!("/dashboard/reset-password?token={encoded}"));
    paths.push(format!("/dashboard/metrics/m?as_of={encoded}"));
    paths.push(format!("/dashboard/{encoded}"));
    paths
}

/// Asserts that a page has no element and no attribute that a text has brought.
pub fn assert_harmless(path: &str, page: &Reply) {
    for script in page.all("script") {
        assert!(script.attr("src").is_some_and(|src| src.starts_with("/dashboard/assets/")));
        assert_eq!(script.text().count(), 0, "{path}");
    }
    for bad in ["img", "iframe", "object", "style", "[style]", "[onerror]", "[onclick]"] {
        assert!(page.all(bad).is_empty(), "{bad} on {path}");
    }
    // The drawings of our own.
    let own = page.all("figure.graph > svg, table.figures svg.line").len();
    assert_eq!(page.all("svg").len(), own, "svg on {path}");
    assert!(page.all("foreignObject, animate, set, use").is_empty(), "{path}");
    let nonce = page.attribute("script", "nonce");
    for element in page.all("*") {
        let hx = element.value().attrs().filter(|(name, _)| name.starts_with("hx-"));
        let hx: Vec<_> = hx.collect();
        assert!(hx.is_empty() || element.attr("hx-nonce") == Some(&nonce), "{path}: {hx:?}");
    }
    for link in page.all("[href], [action], [src], [content]") {
        for name in ["href", "action", "src"] {
            let target = link.attr(name).unwrap_or("/");
            let is_own = target.starts_with('/') || target.starts_with('#');
            assert!(is_own || target.starts_with("http"), "{path}: {target}");
        }
    }
}

#[actix_web::test]
async fn script_payloads_are_shown_as_text_on_every_page() {
    let server = Server::start().await;
    let paths = store(&server).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    for path in paths {
        let page = visitor.get(&path).await;
        assert!([200, 400, 404].contains(&page.answer.status), "{path}: {}", page.answer.text);
        assert_harmless(&path, &page);
    }
    let page = visitor.get("/dashboard/metrics/m").await.expect(200);
    assert!(page.text("h1").starts_with("\"'><script>pwned()</script><img src=x"));
    assert!(page.text("#formula").contains("<script>pwned()</script>"));
    let shown =
        page.all("dd").iter().filter(|dd| super::visitor::words(**dd).contains("<script>")).count();
    assert!(shown > 25, "{shown} fields");
    let impact = visitor.get("/dashboard/metrics/m/impact").await.expect(200);
    assert_eq!(impact.texts(".tree a"), [PAYLOAD]);
    assert!(impact.texts("figure.graph title").iter().all(|title| title.contains("<script>")));
    let list = visitor.get("/dashboard").await.expect(200);
    assert!(list.text(".facets").contains("<script>"));
    let source = visitor.get("/dashboard/metrics/m/source?format=json").await.expect(200);
    assert_eq!(source.answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(source.answer.header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn every_page_is_among_those_that_are_tried() {
    let tried: BTreeSet<String> =
        paths("k", "u").iter().map(|path| path.split('?').next().unwrap().to_owned()).collect();
    let matches = |pattern: &str, path: &str| {
        let (pattern, path) = (pattern.split('/'), path.split('/'));
        pattern.clone().count() == path.clone().count()
            && pattern.zip(path).all(|(one, other)| one.starts_with('{') || one == other)
    };
    for operation in pages::table().operations() {
        let is_page = operation.method == "GET" && !operation.path.contains("assets");
        // Texts for programs, not pages.
        let texts = ["/source", "/export", "/health/live"];
        let is_text = texts.iter().any(|end| operation.path.ends_with(end));
        if is_page && !is_text {
            assert!(tried.iter().any(|path| matches(operation.path, path)), "{}", operation.path);
        }
    }
}
