//! The page about the health of the service, its controls and its stream.

use serde_json::json;

use crate::pages::visitor::{Visitor, selector, words};
use crate::support::events::EventStream;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const PAGE: &str = "/dashboard/health";
const STREAM: &str = "/dashboard/health/live";
const CONTROL: &str = "/dashboard/health/control";
const API: &str = "/health/circuit-breakers";

/// The texts of the rows of a table in a part of a page, by their first cell.
fn row(html: &str, name: &str) -> String {
    let part = scraper::Html::parse_fragment(html);
    let is_it = |row: &scraper::ElementRef<'_>| {
        row.select(&selector("th")).next().is_some_and(|head| words(head) == name)
    };
    let rows = selector("tbody tr");
    let found = part.select(&rows).find(is_it).map(words);
    found.unwrap_or_else(|| panic!("no {name} in {html}"))
}

/// Returns the HTML of the next event.
async fn next(stream: &mut EventStream) -> Option<String> {
    let block = stream.block().await?;
    Some(block.lines().map(|line| line.strip_prefix("data: ").unwrap()).collect())
}

#[actix_web::test]
async fn administrator_sees_and_controls_circuits() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(PAGE).await.expect_page(200, "Health");
    assert_eq!(page.texts("section:nth-of-type(1) tbody th").len(), 4);
    assert!(page.text("main").contains("All circuits are closed."));
    assert!(page.text("main").contains("None since the process started."));
    assert_eq!(page.attribute("[hx-sse\\:connect]", "hx-sse:connect"), STREAM);
    assert!(page.texts("nav .sections a").contains(&"Health".to_owned()));

    let fields = [("circuit", "domains"), ("action", "isolate"), ("reason", "")];
    let refused = visitor.submit(CONTROL, &fields).await.expect_page(400, "Health");
    assert_eq!(refused.all("#field-reason-error").len(), 1);
    assert_eq!(refused.attribute("[name=circuit] [selected]", "value"), "domains");
    let unknown = [("circuit", "none"), ("action", "isolate"), ("reason", "x")];
    visitor.submit(CONTROL, &unknown).await.expect_page(404, "Not found");
    let wrong = [("circuit", "domains"), ("action", "explode"), ("reason", "x")];
    let refused = visitor.submit(CONTROL, &wrong).await.expect_page(400, "Health");
    assert_eq!(refused.all("#field-action-error").len(), 1);
    let state = server.get(API, &admin).await.expect(200).json();
    assert_eq!(state["breakers"]["domains"]["status"], "closed");

    let fields = [("circuit", "domains"), ("action", "isolate"), ("reason", "upgrade <b>now</b>")];
    let done = format!("{PAGE}?done=circuit-controlled");
    visitor.submit(CONTROL, &fields).await.expect_location(&done);
    let state = server.get(API, &admin).await.expect(200).json();
    assert_eq!(state["breakers"]["domains"]["status"], "isolated");
    let page = visitor.get(PAGE).await.expect_page(200, "Health");
    assert!(page.text("main").contains("1 of 4 circuits refuse calls."));
    assert!(page.text("main").contains("isolate by admin: upgrade <b>now</b>"));
    server.get("/api/v1/domains", &admin).await.expect(503);
    let fields = [("circuit", "domains"), ("action", "reset"), ("reason", "done")];
    visitor.submit(CONTROL, &fields).await.expect(303);
    server.get("/api/v1/domains", &admin).await.expect(200);
    let path = "/api/v1/audit?action=circuit.controlled";
    crate::hostile::browser::within_a_minute("both actions are in the audit log", async || {
        let log = server.get(path, &admin).await.expect(200).json();
        (log["data"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn health_is_for_administrators() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "edi", "editor").await;
    let mut editor = Visitor::signed_in(&server, "edi", PASSWORD).await;
    let fields = [("circuit", "domains"), ("action", "isolate"), ("reason", "x")];
    for path in [PAGE, STREAM] {
        editor.get(path).await.expect_page(403, "Not allowed");
        Visitor::anonymous(&server).get(path).await.expect(303);
    }
    editor.submit(CONTROL, &fields).await.expect_page(403, "Not allowed");
    let page = editor.get("/dashboard").await.expect(200);
    assert!(!page.texts("nav .sections a").contains(&"Health".to_owned()));
    let state = server.get(API, &admin).await.expect(200).json();
    assert_eq!(state["breakers"]["domains"]["status"], "closed");
}

#[actix_web::test]
async fn stream_shows_what_happens_until_its_reader_may_not_see_it() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "ops", "admin").await;
    let visitor = Visitor::signed_in(&server, "ops", PASSWORD).await;
    let cookie = [("cookie", visitor.cookie.as_str())];
    let mut stream = EventStream::open(&server, STREAM, &cookie).await.expect("a stream");
    let first = next(&mut stream).await.unwrap();
    assert!(row(&first, "metrics").contains("closed"), "{first}");
    // Between two readings, and only the second of them is after these.
    next(&mut stream).await.unwrap();
    for _ in 0..30 {
        server.get("/api/v1/metrics", &admin).await.expect(200);
    }
    let action = json!({"action": "isolate", "reason": "test"});
    server.post(&format!("{API}/api_keys"), &admin, &action).await.expect(200);
    next(&mut stream).await.unwrap();
    let later = next(&mut stream).await.unwrap();
    assert!(row(&later, "api_keys").contains("isolated"), "{later}");
    let requests = row(&later, "Requests per second");
    let rate: f64 = requests.split(' ').nth(3).unwrap().parse().unwrap();
    assert!(rate > 0.5, "{requests}");
    let cached = row(&later, "Reads from the cache");
    assert!(cached.contains(" % "), "{cached}");
    assert!(later.contains("<polyline points=\""), "{later}");
    let role = json!({"role": "editor"});
    server.put(&format!("/api/auth/users/{id}"), &admin, &role).await.expect(200);
    let mut more = 0;
    while next(&mut stream).await.is_some() {
        more += 1;
        assert!(more < 5, "the stream does not end");
    }
    let head = visitor.send(reqwest::Method::HEAD, STREAM, &[], None).await;
    assert_eq!(head.answer.status, 403);
}

#[actix_web::test]
async fn page_says_that_requests_are_not_counted() {
    let server = Server::with(&["--metrics-enabled", "false"]).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(PAGE).await.expect_page(200, "Health");
    assert!(page.text("main").contains("Requests are not counted, because METRICS_ENABLED is"));
    assert!(page.all("svg").is_empty());
}
