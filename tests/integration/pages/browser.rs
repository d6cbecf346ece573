//! The pages in a real browser: with scripts, under the policy. A message in the console or a
//! report of the policy fails a test.
//!
//!     cargo test --test integration pages::browser:: -- --ignored

use serde_json::{Value, json};

use crate::hostile::browser::{Browser, within_a_minute};
use crate::hostile::recorder::Recorder;
use crate::pages::payloads;
use crate::pages::shown_pages::{document, filled, upload};
use crate::support::{ADMIN_PASSWORD, Server};

const WATCH: &str = "window.reports = []; window.pwned = () => { window.wasPwned = true; }; \
    document.addEventListener('securitypolicyviolation', event => window.reports.push(\
    [event.violatedDirective, event.blockedURI, event.sample]))";

pub(super) async fn watched() -> Browser {
    let browser = Browser::start().await;
    browser.run_in_every_document(WATCH).await;
    browser
}

/// Asserts that the page is as it should be, and that nothing was reported.
pub(super) async fn assert_quiet(browser: &Browser, what: &str) {
    assert_eq!(browser.run("return window.reports", &json!([])).await, json!([]), "{what}");
    assert_eq!(browser.run("return window.wasPwned", &json!([])).await, Value::Null, "{what}");
    let console = browser.console().await;
    // What a browser says about the status of a page that is an error.
    let is_status = |line: &&String| line.contains("Failed to load resource: the server responded");
    let other: Vec<_> = console.iter().filter(|line| !is_status(line)).collect();
    assert!(other.is_empty(), "{what}: {other:?}");
}

pub(super) async fn text(browser: &Browser, css: &str) -> String {
    let script = "return document.querySelector(arguments[0])?.textContent ?? ''";
    browser.run(script, &json!([css])).await.as_str().unwrap().to_owned()
}

pub(super) async fn sign_in(browser: &Browser, server: &Server) {
    browser.open(&format!("{}/dashboard", server.base)).await;
    let script = "document.querySelector('[name=username]').value = 'admin'; \
        document.querySelector('[name=password]').value = arguments[0]; \
        document.querySelector('main form button').click()";
    browser.run(script, &json!([ADMIN_PASSWORD])).await;
    within_a_minute("the first page", async || {
        text(browser, ".viewer").await.starts_with("admin").then_some(())
    })
    .await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn person_finds_a_metric_and_signs_out() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    assert_quiet(&browser, "sign-in").await;
    // A slash leads to the search, and typing replaces the list and the address.
    let slash = "document.body.dispatchEvent(new KeyboardEvent('keydown', \
        {key: '/', bubbles: true, cancelable: true})); return document.activeElement.id";
    assert_eq!(browser.run(slash, &json!([])).await, "search");
    let typed = "const search = document.getElementById('search'); search.value = 'weekly'; \
        search.dispatchEvent(new Event('input', {bubbles: true}))";
    browser.run(typed, &json!([])).await;
    within_a_minute("the list is searched", async || {
        text(&browser, ".count").await.contains("of 20 metrics").then_some(())
    })
    .await;
    assert!(browser.url().await.ends_with("/dashboard?search=weekly"), "{}", browser.url().await);
    assert_eq!(browser.run(slash, &json!([])).await, "search", "the field keeps its focus");
    assert_quiet(&browser, "live search").await;
    let unusable = "const search = document.getElementById('search'); search.value = '!'; \
        search.dispatchEvent(new Event('input', {bubbles: true}))";
    browser.run(unusable, &json!([])).await;
    within_a_minute("the refusal is shown", async || {
        text(&browser, "#results [role=alert]").await.starts_with("search").then_some(())
    })
    .await;
    assert_quiet(&browser, "refused search").await;
    // Instants are in the reader's zone.
    browser.open(&format!("{}/dashboard/metrics/metric_00", server.base)).await;
    assert!(!text(&browser, "time").await.contains("UTC"));
    let shown = "return document.querySelector('[data-copy]').hidden";
    assert_eq!(browser.run(shown, &json!([])).await, false, "a copy can be made");
    assert_quiet(&browser, "metric").await;
    browser.run("document.querySelector('.account button').click()", &json!([])).await;
    within_a_minute("the sign-in", async || {
        (text(&browser, "#notice").await.trim() == "You are signed out.").then_some(())
    })
    .await;
    browser.open(&format!("{}/dashboard", server.base)).await;
    assert!(browser.url().await.ends_with("/dashboard/sign-in"));
    assert_quiet(&browser, "signed out").await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn stored_payloads_run_nothing() {
    let (server, browser) = (Server::start().await, watched().await);
    let paths = payloads::store(&server).await;
    sign_in(&browser, &server).await;
    for path in paths {
        browser.open(&format!("{}{path}", server.base)).await;
        assert_quiet(&browser, &path).await;
    }
    // Markup with htmx's attributes, but without the page's nonce, is stripped.
    browser.open(&format!("{}/dashboard", server.base)).await;
    let inject = "const one = document.createElement('b'); \
        one.setAttribute('hx-get', '/dashboard/injected'); one.setAttribute('hx-trigger', 'load'); \
        document.querySelector('main').append(one); htmx.process(one); \
        return one.hasAttribute('hx-get')";
    assert_eq!(browser.run(inject, &json!([])).await, false);
    let console = browser.console().await;
    assert!(console.iter().any(|line| line.contains("[hx-csp] blocked")), "{console:?}");
    assert!(!server.logs.text().contains("/dashboard/injected"));
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn link_from_another_site_finds_the_session() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    let other = Recorder::start(vec![(
        "/link.html",
        "text/html",
        format!("<a href=\"{}/dashboard/metrics/metric_01\">look</a>", server.base),
    )]);
    let elsewhere = other.base.replace("127.0.0.1", "localhost");
    browser.open(&format!("{elsewhere}/link.html")).await;
    browser.run("document.querySelector('a').click()", &json!([])).await;
    within_a_minute("the metric", async || {
        text(&browser, "h1").await.starts_with("Weekly active users").then_some(())
    })
    .await;
    assert!(text(&browser, ".viewer").await.starts_with("admin"));
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn file_is_imported_and_the_form_says_which_version_saving_makes() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    browser.open(&format!("{}/dashboard/import", server.base)).await;
    upload(&browser, &document()).await;
    assert_quiet(&browser, "preview").await;
    browser.run("document.querySelector('main form button').click()", &json!([])).await;
    within_a_minute("the import", async || {
        (text(&browser, "#notice").await.trim() == "The document is imported.").then_some(())
    })
    .await;
    browser.open(&format!("{}/dashboard/metrics/metric_new/edit", server.base)).await;
    // A change of a field is enough.
    let typed = "const unit = document.getElementById('field-definition.unit'); \
        unit.closest('details').open = true; unit.focus(); unit.value = 'EUR'; \
        unit.dispatchEvent(new Event('change', {bubbles: true}))";
    browser.run(typed, &json!([])).await;
    within_a_minute("the version", async || {
        text(&browser, "#planned").await.contains("2.0.0 after 1.0.0: a major").then_some(())
    })
    .await;
    let focused = "return document.activeElement.id";
    assert_eq!(browser.run(focused, &json!([])).await, "field-definition.unit");
    // And so is the button; without leaving the page.
    let pressed = "document.getElementById('field-definition.unit').value = '%'; \
        document.querySelector('button[name=check]').click()";
    browser.run(pressed, &json!([])).await;
    within_a_minute("the same version", async || {
        text(&browser, "#planned").await.contains("Nothing differs").then_some(())
    })
    .await;
    assert_eq!(text(&browser, "h1").await, "Edit Metric metric_new");
    assert_quiet(&browser, "checked form").await;
}

/// A person who types quickly sends few requests: they count.
#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn many_changes_of_a_form_are_checked_together() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    let requests = "return performance.getEntriesByType('resource') \
        .filter(one => one.initiatorType === 'fetch').length";
    let path = "/dashboard/new-metric";
    browser.open(&format!("{}{path}", server.base)).await;
    let typed = "for (const name of ['name', 'short_name', 'category', 'business_domain']) { \
        const field = document.getElementById('field-' + name); field.value = 'Growth'; \
        field.dispatchEvent(new Event('change', {bubbles: true})); }";
    let before = text(&browser, "#planned").await;
    for _ in 0..5 {
        browser.run(typed, &json!([])).await;
    }
    within_a_minute("the first check", async || {
        (browser.run(requests, &json!([])).await == 1).then_some(())
    })
    .await;
    // One more for the other nineteen changes; it shows what was typed last.
    within_a_minute("the second check", async || {
        (browser.run(requests, &json!([])).await == 2).then_some(())
    })
    .await;
    within_a_minute("the share of the last change", async || {
        (text(&browser, "#planned").await != before).then_some(())
    })
    .await;
    assert_eq!(browser.run(requests, &json!([])).await, 2);
    assert_quiet(&browser, path).await;
}
