//! Pages while the database is unavailable.

use crate::hostile::browser::within_a_minute;
use crate::pages::visitor::{Reply, Visitor};
use crate::support::proxy::Proxy;
use crate::support::samples::metric;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database};

const METRIC: &str = "/dashboard/metrics/m";
const OUT: &str = "Not available now";

fn hidden<'a>(page: &'a Reply, name: &str) -> Option<&'a str> {
    let inputs = page.all("main form input").into_iter();
    let mut found = inputs.filter(|input| input.attr("name") == Some(name));
    found.next().and_then(|input| input.attr("value"))
}

#[actix_web::test]
async fn seen_pages_stay_typed_texts_are_kept_and_all_recovers() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "500", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    server.user(&admin, "vic", "viewer").await;
    let viewer = Visitor::signed_in(&server, "vic", PASSWORD).await;
    viewer.get("/dashboard").await.expect_page(200, "Metrics");
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let heading = visitor.get(METRIC).await.expect(200).text("h1");
    let list = visitor.get("/dashboard").await.expect_page(200, "Metrics");
    assert!(list.all(".banner").is_empty() && list.all("fieldset.outage").is_empty());
    visitor.get(&format!("{METRIC}/edit")).await.expect(200);
    proxy.close();
    // The first read finds the outage.
    within_a_minute("circuits are open", async || {
        let kept = visitor.get("/dashboard").await.expect_page(200, "Metrics");
        kept.text(".banner").contains("Circuits that refuse calls: ").then_some(())
    })
    .await;

    // As it was, with its age, without working forms, and the scripts have the new nonce.
    for (path, title) in [("/dashboard", "Metrics"), (METRIC, heading.as_str())] {
        let kept = visitor.get(path).await.expect_page(200, title);
        let banner = kept.text(".banner");
        assert!(banner.contains("Database temporarily unavailable."), "{banner}");
        assert!(banner.contains("This page is as you saw it at"), "{banner}");
        assert!(banner.contains("Circuits that refuse calls: ") && banner.contains("metrics"));
        assert_eq!(kept.all(".banner time").len(), 2);
        assert!(!kept.all("fieldset.outage[disabled] form").is_empty(), "{path}");
        assert_eq!(kept.attribute("[hx-get][hx-trigger^=load]", "hx-get"), path);
        let nonce = kept.attribute("script", "nonce");
        for element in kept.all("[hx-nonce]") {
            assert_eq!(element.attr("hx-nonce"), Some(nonce.as_str()));
        }
        assert_eq!(kept.answer.header("cache-control"), "no-store");
    }
    // What this reader has not seen, and what another has, is not shown.
    for path in [&format!("{METRIC}/versions"), &format!("{METRIC}/edit")] {
        let out = visitor.get(path).await.expect_page(503, OUT);
        assert!(out.text(".banner").contains("Next attempt: "));
        assert_eq!(out.attribute("main a", "href"), *path);
        assert!(out.answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    viewer.get(METRIC).await.expect_page(503, OUT);
    viewer.get("/dashboard").await.expect_page(200, "Metrics");

    let fields = [("seen", "1.0.0"), ("name", "Typed <b>text</b>"), ("description", "two\nlines")];
    let out = visitor.submit(&format!("{METRIC}/edit"), &fields).await.expect_page(503, OUT);
    assert!(out.text("main").contains("Nothing was changed. What you typed is kept"));
    assert_eq!(out.attribute("main form", "action"), format!("{METRIC}/edit"));
    for (name, value) in fields {
        assert_eq!(hidden(&out, name), Some(value));
    }
    let secrets = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let out = visitor.submit("/dashboard/sign-in", &secrets).await.expect_page(503, OUT);
    assert_eq!((hidden(&out, "username"), hidden(&out, "password")), (Some("admin"), Some("")));
    assert!(!out.answer.text.contains(ADMIN_PASSWORD));

    proxy.open();
    within_a_minute("the page is the present one", async || {
        let page = visitor.get("/dashboard").await.expect(200);
        page.all(".banner").is_empty().then_some(())
    })
    .await;
}

/// A circuit that was isolated, while the database is well.
#[actix_web::test]
async fn page_of_an_isolated_circuit_is_kept_too() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    visitor.get("/dashboard/domains").await.expect_page(200, "Business domains");
    let action = serde_json::json!({"action": "isolate", "reason": "test"});
    server.post("/health/circuit-breakers/domains", &admin, &action).await.expect(200);
    let kept = visitor.get("/dashboard/domains").await.expect_page(200, "Business domains");
    assert!(kept.text(".banner").contains("Circuits that refuse calls: domains."));
    visitor.get("/dashboard/domains?search=x").await.expect_page(503, OUT);
}
