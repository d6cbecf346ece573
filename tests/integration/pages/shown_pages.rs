//! Every page that a person can open, with something on it: for pictures and for the rules of
//! accessibility. A page that is missing here fails a test.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::Method;
use mdl::http::pages;
use mdl::http::request::class::RequestKind;
use serde_json::json;

use crate::hostile::browser::{Browser, within_a_minute};
use crate::pages::browser::text;
use crate::support::Server;
use crate::support::samples::metric_with;

const METRIC: &str = "/dashboard/metrics/metric_00";
/// So that each name differs from the one before.
static EDITION: AtomicUsize = AtomicUsize::new(2);
/// Answers that are no pages: a stream, and files.
const NO_PAGES: [&str; 3] =
    ["/dashboard/health/live", "/dashboard/export", "/dashboard/metrics/{id}/source"];

/// A service with something on every page, and with all links and forms.
pub(super) async fn filled() -> Server {
    // The port is closed.
    let options = ["--registration-enabled", "true", "--smtp-url", "smtp://127.0.0.1:1"];
    let server = Server::with(&options).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let metrics: Vec<_> = (0..60)
        .map(|n| {
            let (name, domain) = [
                ("Net revenue retention", "Finance"),
                ("Weekly active users", "Growth"),
                ("Time to first response of support, median", "Growth"),
            ][n % 3];
            let tag = ["board", "weekly"][n % 2];
            let fields = json!({"name": format!("{name} {n:02}"), "business_domain": domain,
                "tier": format!("Tier-{}", n % 3 + 1), "tags": [tag]});
            metric_with(&format!("metric_{n:02}"), &fields)
        })
        .collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": metrics})).await.expect(200);
    let api = "/api/v1/metrics/metric_00";
    for change in [
        json!({"description": "Revenue of this year's month from customers of <b>a year ago</b>."}),
        json!({"definition": {"formula": "sum(revenue now) / sum(revenue a year ago)"}}),
        json!({"definition": {"formula": "sum(net revenue now) / sum(revenue a year ago)"},
            "tags": ["board", "retention"]}),
        json!({"governance": {"status": "deprecated", "successor_id": "metric_01"}}),
    ] {
        server.merge(api, &admin, &change).await.expect(200);
    }
    for (of, from) in [
        (10, [4, 5]),
        (4, [1, 3]),
        (5, [1, 2]),
        (11, [10, 3]),
        (12, [10, 5]),
        (13, [11, 12]),
        (14, [13, 10]),
        (15, [12, 6]),
    ] {
        let upstream = from.map(|number| format!("metric_{number:02}"));
        let change = json!({"relationships": {"upstream_metric_ids": upstream}});
        server.merge(&format!("/api/v1/metrics/metric_{of:02}"), &admin, &change).await.expect(200);
    }
    let draft = json!({"metric_id": "draft", "name": "Promoters", "business_domain": "Growth",
        "relationships": {"upstream_metric_ids": ["metric_12"]},
        "governance": {"status": "draft"}});
    server.post("/api/v1/metrics", &admin, &draft).await.expect(201);
    server
}

/// The addresses of all pages, each with a name.
pub(super) async fn shown_pages(server: &Server) -> Vec<(&'static str, String)> {
    let admin = server.admin().await;
    let (key, _) = server.key(&admin, &["metrics:read"]).await;
    let (user, _) = server.user(&admin, "vic", "viewer").await;
    let versions = server.get("/api/v1/metrics/metric_00/versions", &admin).await;
    let versions = versions.expect(200).json();
    let instant = versions["data"][2]["changed_at"].as_str().unwrap().to_owned();
    let mut pages = vec![
        ("past", format!("{METRIC}?as_of={instant}")),
        ("api-key", format!("/dashboard/api-keys/{key}")),
        ("revoke-api-key", format!("/dashboard/api-keys/{key}/revoke")),
        ("user", format!("/dashboard/users/{user}")),
        ("change-user", format!("/dashboard/users/{user}/change?role=editor")),
    ];
    let fixed = [
        ("catalogue", "/dashboard"),
        ("filtered", "/dashboard?tier=Tier-1&search=net&sort=-name"),
        ("nothing", "/dashboard?search=nothing"),
        ("metric", METRIC),
        ("draft", "/dashboard/metrics/draft"),
        ("versions", "/dashboard/metrics/metric_00/versions"),
        ("version", "/dashboard/metrics/metric_00/versions/2.0.0"),
        ("compare", "/dashboard/metrics/metric_00/compare?from=1.0.0&to=3.0.0"),
        ("impact", "/dashboard/metrics/metric_10/impact"),
        ("activity", "/dashboard/metrics/metric_00/activity"),
        ("edit", "/dashboard/metrics/metric_00/edit"),
        ("deprecate", "/dashboard/metrics/metric_01/deprecate"),
        ("delete", "/dashboard/metrics/metric_10/delete"),
        ("new", "/dashboard/new-metric"),
        ("duplicate", "/dashboard/new-metric?from=metric_00"),
        ("import", "/dashboard/import"),
        ("domains", "/dashboard/domains"),
        ("domain", "/dashboard/domains/d1"),
        ("edit-domain", "/dashboard/domains/d1/edit"),
        ("delete-domain", "/dashboard/domains/d1/delete"),
        ("new-domain", "/dashboard/new-domain"),
        ("api-keys", "/dashboard/api-keys"),
        ("new-api-key", "/dashboard/api-keys/new"),
        ("revoke-all-api-keys", "/dashboard/api-keys/revoke"),
        ("users", "/dashboard/users"),
        ("audit", "/dashboard/audit"),
        ("health", "/dashboard/health"),
        ("sign-in", "/dashboard/sign-in?done=signed-out"),
        ("register", "/dashboard/register"),
        ("lost-password", "/dashboard/lost-password"),
        ("reset-password", "/dashboard/reset-password?token=abc"),
        ("account", "/dashboard/account?done=session-ended"),
        ("change-password", "/dashboard/account/password"),
        ("not-found", "/dashboard/nowhere"),
    ];
    pages.extend(fixed.map(|(name, path)| (name, path.to_owned())));
    pages
}

/// Looks at what no address has: the answers to forms, and a page while a circuit is isolated.
pub(super) async fn look_at_answers(
    browser: &Browser,
    server: &Server,
    look: impl AsyncFn(&'static str),
) {
    let open = async |path: &str| browser.open(&format!("{}{path}", server.base)).await;
    open("/dashboard/import").await;
    upload(browser, &document()).await;
    look("import-preview").await;

    let admin = server.admin().await;
    open("/dashboard/metrics/metric_02/edit").await;
    let edition = EDITION.fetch_add(1, Ordering::SeqCst);
    let theirs = json!({"name": format!("Time to first response, edition {edition}")});
    server.merge("/api/v1/metrics/metric_02", &admin, &theirs).await.expect(200);
    let mine = "const name = document.querySelector('[name=name]'); name.value = 'Mine'; \
        name.form.requestSubmit()";
    browser.run(mine, &json!([])).await;
    within_a_minute("the conflict", async || {
        (text(browser, "h1").await == "Changed meanwhile").then_some(())
    })
    .await;
    look("conflict").await;

    open("/dashboard/metrics/metric_01/edit").await;
    let cleared = "const name = document.querySelector('[name=name]'); name.required = false; \
        name.value = ''; name.form.requestSubmit()";
    browser.run(cleared, &json!([])).await;
    within_a_minute("the errors", async || {
        (!text(browser, ".error-summary").await.is_empty()).then_some(())
    })
    .await;
    look("refused").await;

    open("/dashboard/api-keys/new").await;
    let create = "document.querySelector('[name=name]').value = 'A dashboard'; \
        document.querySelector('[type=checkbox]').checked = true; \
        document.querySelector('main form').requestSubmit()";
    browser.run(create, &json!([])).await;
    within_a_minute("the key", async || text(browser, "main").await.contains("mdl_").then_some(()))
        .await;
    look("created-api-key").await;

    open(METRIC).await;
    let circuit = "/health/circuit-breakers/metrics";
    let isolate = json!({"action": "isolate", "reason": "a picture"});
    server.post(circuit, &admin, &isolate).await.expect(200);
    open(METRIC).await;
    assert!(text(browser, ".banner").await.contains("This page is as you saw it"));
    look("outage").await;
    let reset = json!({"action": "reset", "reason": "a picture"});
    server.post(circuit, &admin, &reset).await.expect(200);
}

/// A document with something to create and to update, and lines of its own.
pub(super) fn document() -> String {
    let changed =
        metric_with("metric_01", &json!({"name": "Weekly users", "description": "a <i>b"}));
    let new = metric_with("metric_new", &json!({"description": "one\ntwo"}));
    serde_json::to_string_pretty(&json!({"metrics": [changed, new]})).unwrap()
}

/// Chooses a file on the page of imports and sends the form.
pub(super) async fn upload(browser: &Browser, content: &str) {
    let script = "const files = new DataTransfer(); \
        files.items.add(new File([arguments[0]], 'catalogue.json')); \
        const input = document.querySelector('input[type=file]'); input.files = files.files; \
        input.form.querySelector('button').click()";
    browser.run(script, &json!([content])).await;
    within_a_minute("the preview", async || {
        text(browser, ".count").await.starts_with("The document would").then_some(())
    })
    .await;
}

/// Whether a path is one of those that a pattern with `{parameters}` stands for.
fn is_of(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or(path);
    let same = |(part, found): (&str, &str)| part.starts_with('{') || part == found;
    pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(same)
}

#[actix_web::test]
async fn every_page_is_shown() {
    let server = filled().await;
    let shown = shown_pages(&server).await;
    for operation in pages::table().operations() {
        let is_page = operation.method == Method::GET
            && operation.kind == RequestKind::Dashboard
            && !NO_PAGES.contains(&operation.path);
        if is_page {
            let found = shown.iter().any(|(_, path)| is_of(operation.path, path));
            assert!(found, "{} is not in shown_pages", operation.path);
        }
    }
}
