//! The pages of one metric: what it means, its versions, its activity.

use serde_json::json;

use crate::pages::visitor::Visitor;
use crate::support::samples::{metric, metric_with};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const PAGE: &str = "/dashboard/metrics/m";

/// The words of two texts, each by itself.
fn words_of(texts: [&str; 2]) -> (Vec<String>, Vec<String>) {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    (words(texts[0]), words(texts[1]))
}

/// A metric with three versions: 1.0.0, 1.1.0 with another name, 2.0.0 with another formula.
async fn with_versions(server: &Server) -> String {
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let api = "/api/v1/metrics/m";
    server.merge(api, &admin, &json!({"name": "Second"})).await.expect(200);
    let formula = json!({"definition": {"formula": "a of all who ever were there"}});
    server.merge(api, &admin, &formula).await.expect(200);
    let formula = json!({"definition": {"formula": "a of all who are still there"}});
    server.merge(api, &admin, &formula).await.expect(200);
    admin
}

#[actix_web::test]
async fn page_says_what_the_metric_means() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(PAGE).await.expect_page(200, "Metric m");
    assert_eq!(page.text(".facts"), "active Finance Tier-1 lagging Team & Co m version 1.0.0");
    assert_eq!(page.text("#formula"), "a < b && c > \"d\" 'e' 解約率 \\ \u{1F600}");
    assert_eq!(page.all(".description b").len(), 1, "rich text has its elements");
    let headings = page.texts("h2");
    let expected =
        ["Definition", "Targets and alerts", "Sources", "Governance", "Purpose", "Usage", "More"];
    assert_eq!(headings, expected);
    let links: Vec<_> = page.all("dd a").into_iter().filter_map(|a| a.attr("href")).collect();
    assert_eq!(links, ["http://example.com/", "https://example.com/d?a=1&b=2"]);
    assert!(page.all("dd a").iter().all(|a| a.attr("rel") == Some("noopener noreferrer nofollow")));
    assert_eq!(page.texts(".tabs a"), ["Definition", "Versions", "Impact", "Activity"]);
    assert_eq!(page.text(".tabs [aria-current=page]"), "Definition");
    let button = page.all("button[data-copy=formula][hidden]");
    assert_eq!(button.len(), 1, "without scripts there is no button that does nothing");
    visitor.get("/dashboard/metrics/none").await.expect_page(404, "Not found");
    visitor.get("/dashboard/metrics/a%20b").await.expect_page(400, "The request is not valid");
}

#[actix_web::test]
async fn source_can_be_copied() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let api = server.get("/api/v1/metrics/m", &admin).await.json()["data"].clone();
    let json = visitor.get("/dashboard/metrics/m/source?format=json").await.expect(200).answer;
    assert_eq!(json.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(json.json(), api);
    let yaml = visitor.get("/dashboard/metrics/m/source?format=yaml").await.expect(200).answer;
    let read: serde_json::Value = serde_saphyr::from_str(&yaml.text).unwrap();
    assert_eq!(read, api);
    visitor.get("/dashboard/metrics/m/source?format=xml").await.expect(400);
}

#[actix_web::test]
async fn drafts_and_deprecated_metrics_say_so_first() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let draft = json!({"metric_id": "d", "name": "D", "business_domain": "Growth",
        "governance": {"status": "draft"}});
    server.post("/api/v1/metrics", &admin, &draft).await.expect(201);
    for id in ["new", "old"] {
        server.post("/api/v1/metrics", &admin, &metric(id)).await.expect(201);
    }
    let change = json!({"governance": {"status": "deprecated", "successor_id": "new",
        "sunset_on": "2030-01-31"}});
    server.merge("/api/v1/metrics/old", &admin, &change).await.expect(200);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get("/dashboard/metrics/d").await.expect_page(200, "D");
    let banner = page.text(".banner");
    assert!(banner.starts_with("Draft, ") && banner.contains("definition.formula"), "{banner}");
    let page = visitor.get("/dashboard/metrics/old").await.expect(200);
    let banner = page.text(".banner");
    assert!(banner.starts_with("Deprecated since "), "{banner}");
    assert!(banner.contains("Use new instead. It may be gone from 2030-01-31 on."), "{banner}");
    assert_eq!(page.attribute(".banner a", "href"), "/dashboard/metrics/new");
}

#[actix_web::test]
async fn metric_is_shown_as_it_was() {
    let server = Server::start().await;
    with_versions(&server).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let versions = server.get("/api/v1/metrics/m/versions", &server.admin().await).await.json();
    let second = versions["data"][2]["changed_at"].as_str().unwrap();
    let then = visitor.get(&format!("{PAGE}?as_of={second}")).await.expect_page(200, "Second");
    assert!(then.text(".banner").starts_with("This is the metric as it was at "));
    assert_eq!(then.attribute(".banner a", "href"), PAGE);
    assert!(then.text(".facts").ends_with("version 1.1.0"));
    let today = &second[..10];
    let now = visitor.get(&format!("{PAGE}?as_of={today}")).await.expect(200);
    assert!(now.text(".facts").ends_with("version 3.0.0"));
    visitor.get(&format!("{PAGE}?as_of=2020-01-01")).await.expect_page(404, "Not found");
    visitor.get(&format!("{PAGE}?as_of=2999-01-01")).await.expect(400);
}

#[actix_web::test]
async fn versions_are_compared_and_restored() {
    let server = Server::start().await;
    let admin = with_versions(&server).await;
    server.user(&admin, "vera", "viewer").await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let versions = format!("{PAGE}/versions");
    let list = visitor.get(&versions).await.expect_page(200, "Versions of m");
    assert_eq!(list.texts("tbody th"), ["3.0.0", "2.0.0", "1.1.0", "1.0.0"]);
    assert_eq!(list.texts("select[name=from] option[selected]"), ["2.0.0"]);
    assert_eq!(list.texts("select[name=to] option[selected]"), ["3.0.0"]);
    assert_eq!(list.all("form[method=post][action$=restore]").len(), 3, "not the present one");
    let diff = visitor.get(&format!("{PAGE}/compare?from=1.0.0&to=3.0.0")).await;
    let diff = diff.expect_page(200, "m: 1.0.0 and 3.0.0");
    let mut fields = diff.texts("tbody th");
    fields.sort();
    assert_eq!(fields, ["definition.formula", "name"]);
    let words = visitor.get(&format!("{PAGE}/compare?from=2.0.0&to=3.0.0")).await;
    assert_eq!((words.texts("del"), words.texts("ins")), words_of(["ever were", "are still"]));
    for query in ["from=1.0.0&to=1.0.0", "from=1.0.0", "from=1.0.0&to=x"] {
        visitor.get(&format!("{PAGE}/compare?{query}")).await.expect(400);
    }
    visitor.get(&format!("{PAGE}/compare?from=1.0.0&to=9.0.0")).await.expect(404);
    let first = visitor.get(&format!("{PAGE}/versions/1.0.0")).await.expect_page(200, "m 1.0.0");
    assert!(first.text(".banner").starts_with("This is version 1.0.0."));
    // A viewer is offered no change, and cannot make one.
    let mut viewer = Visitor::signed_in(&server, "vera", PASSWORD).await;
    let list = viewer.get(&versions).await.expect(200);
    assert_eq!(list.all("form[action$=restore]").len(), 0);
    let fields = [("version", "1.0.0"), ("seen", "3.0.0")];
    let refused = viewer.submit(&format!("{PAGE}/restore"), &fields).await;
    refused.expect_page(403, "Not allowed");
    // What another writer has changed meanwhile is not overwritten.
    let stale = [("version", "1.0.0"), ("seen", "2.0.0")];
    let refused = visitor.submit(&format!("{PAGE}/restore"), &stale).await;
    refused.expect_page(412, "Changed meanwhile");
    let restored = visitor.submit(&format!("{PAGE}/restore"), &fields).await;
    let restored = restored.expect_location(&format!("{PAGE}?done=version-restored"));
    let page = visitor.get(restored.answer.header("location")).await;
    let page = page.expect_page(200, "Metric m");
    assert_eq!(page.text("#notice"), "The version is restored.");
    let activity = visitor.get(&format!("{PAGE}/activity")).await;
    let activity = activity.expect_page(200, "Activity of m");
    let lines = activity.texts(".activity > li");
    assert_eq!(lines.len(), 5);
    assert!(lines[0].contains("admin changed it by restoring a version, version 3.0.0 to 4.0.0"));
    assert!(lines[4].contains("admin created it, version 1.0.0."), "{}", lines[4]);
    let audited = server.get("/api/v1/audit?action=metric.restored", &admin).await.json();
    assert_eq!(audited["pagination"]["total"], 1);
    for version in ["", "x", "1.0.0'"] {
        let refused = visitor.submit(&format!("{PAGE}/restore"), &[("version", version)]).await;
        refused.expect(400);
    }
}

#[actix_web::test]
async fn deleted_metric_is_restored_from_its_versions() {
    let server = Server::start().await;
    let admin = with_versions(&server).await;
    server.delete("/api/v1/metrics/m", &admin).await.expect(200);
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    visitor.get(PAGE).await.expect(404);
    let list = visitor.get(&format!("{PAGE}/versions")).await.expect_page(200, "Versions of m");
    assert_eq!(list.text("tbody th"), "3.0.0 (deleted)");
    assert_eq!(list.all("input[name=seen]").len(), 0);
    visitor.submit(&format!("{PAGE}/restore"), &[("version", "1.1.0")]).await.expect(303);
    visitor.get(PAGE).await.expect_page(200, "Second");
}

#[actix_web::test]
async fn long_values_of_a_metric_do_not_break_its_pages() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let long = "x".repeat(200);
    let fields = json!({"name": long, "tags": vec!["t"; 200]});
    server.post("/api/v1/metrics", &admin, &metric_with("m", &fields)).await.expect(201);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    visitor.get(PAGE).await.expect_page(200, &long);
}
