//! The Content Security Policy in a real browser: a script that found its way into a page tries
//! what the policy forbids. Each attempt must have no effect and must be reported, by an event in
//! the page and in the console. The same attempts work without the policy, which shows that they
//! can.
//!
//!     cargo test --test integration hostile::csp:: -- --ignored

use serde_json::{Value, json};

use crate::hostile::browser::{Browser, within_a_minute};
use crate::hostile::recorder::Recorder;
use crate::support::Server;

const SWAGGER_UI: &str = "/api-docs/";
const DATA: &str = "/api/v1";
const ATTACK: &str = include_str!("csp_attacks.js");
const COLLECT_REPORTS: &str = "window.reports = []; \
    document.addEventListener('securitypolicyviolation', event => window.reports.push(\
    [event.violatedDirective, event.disposition, event.blockedURI]))";
/// Attacks, the directive that each violates, and what is blocked: a path of the other origin.
const ATTACKS: [(&str, &str, &str); 12] = [
    ("inline_script", "script-src-elem", "inline"),
    ("event_handler", "script-src-attr", "inline"),
    ("eval", "script-src", "eval"),
    ("external_script", "script-src-elem", "/script.js"),
    ("style_attribute", "style-src-attr", "inline"),
    ("style_element", "style-src-elem", "inline"),
    ("fetch", "connect-src", "/data"),
    ("image", "img-src", "/image.svg"),
    // Browsers do not tell a page where its frames lead.
    ("frame", "frame-src", ""),
    ("object", "object-src", ""),
    ("base", "base-uri", "/"),
    // The last, because the page is left where it works.
    ("form", "form-action", "/form"),
];

/// Starts another origin, with a page that frames these pages of the service.
fn other_origin(server: &Server) -> Recorder {
    let frame = |path: &str| format!("<iframe src=\"{}{path}\"></iframe>", server.base);
    let framed = "<script>parent.postMessage('framed', '*')</script>";
    Recorder::start(vec![
        ("/script.js", "text/javascript", "window.externalScript = true".to_owned()),
        ("/data", "text/plain", "data".to_owned()),
        (
            "/image.svg",
            "image/svg+xml",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>".to_owned(),
        ),
        ("/framed.html", "text/html", framed.to_owned()),
        ("/frames.html", "text/html", [SWAGGER_UI, DATA].map(frame).concat()),
    ])
}

/// Starts a browser that collects the reports of every page.
async fn browser() -> Browser {
    let browser = Browser::start().await;
    browser.run_in_every_document(COLLECT_REPORTS).await;
    browser
}

async fn reports(browser: &Browser) -> Value {
    browser.run("return window.reports", &json!([])).await
}

/// Opens a page; Swagger UI has shown its operations when this returns.
async fn open(browser: &Browser, server: &Server, path: &str) {
    browser.open(&format!("{}{path}", server.base)).await;
    let count = "return document.querySelectorAll('.opblock').length";
    if path == SWAGGER_UI {
        within_a_minute("Swagger UI shows operations", async || {
            (browser.run(count, &json!([])).await.as_u64() > Some(0)).then_some(())
        })
        .await;
    }
}

async fn every_attack_is_blocked(path: &str) {
    let (server, browser) = (Server::start().await, browser().await);
    let other = other_origin(&server);
    open(&browser, &server, path).await;
    // What the page itself does is allowed.
    assert_eq!(reports(&browser).await, json!([]), "{path}");
    assert_eq!(browser.console().await, [""; 0], "{path}");
    for (attack, directive, blocked) in ATTACKS {
        let outcome = browser.run_async(ATTACK, &json!([attack, other.base])).await;
        assert_eq!(outcome["worked"], false, "{attack} on {path}");
        let report = within_a_minute("a report", async || {
            let reports = reports(&browser).await;
            reports.as_array().unwrap().first().cloned()
        });
        let report = report.await;
        let blocked = if blocked.starts_with('/') || blocked.is_empty() {
            format!("{}{blocked}", other.base)
        } else {
            blocked.to_owned()
        };
        assert_eq!(report, json!([directive, "enforce", blocked]), "{attack} on {path}");
        // A refused eval throws; not every policy makes a message of it.
        if attack != "eval" {
            let message = within_a_minute("a message in the console", async || {
                let console = browser.console().await;
                console.into_iter().find(|line| line.contains("Content Security Policy directive"))
            });
            let message = message.await;
            assert!(message.starts_with("SEVERE "), "{attack} on {path}: {message}");
        }
    }
    assert_eq!(browser.url().await, format!("{}{path}", server.base));
    assert_eq!(other.requests(), [""; 0], "{path}");
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn policy_of_pages_blocks_and_reports_every_attack() {
    every_attack_is_blocked(SWAGGER_UI).await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn policy_of_data_blocks_and_reports_every_attack() {
    every_attack_is_blocked(DATA).await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn every_attack_works_without_policy() {
    let server = Server::with(&["--csp-enabled", "false"]).await;
    let browser = browser().await;
    for path in [SWAGGER_UI, DATA] {
        let other = other_origin(&server);
        open(&browser, &server, path).await;
        for (attack, ..) in ATTACKS.iter().filter(|(attack, ..)| *attack != "form") {
            let outcome = browser.run_async(ATTACK, &json!([attack, other.base])).await;
            assert_eq!(outcome, json!({"worked": true, "reports": []}), "{attack} on {path}");
        }
        browser.run_async(ATTACK, &json!(["form", other.base])).await;
        within_a_minute("the form is sent", async || {
            other.requests().contains(&"POST /form".to_owned()).then_some(())
        })
        .await;
        let mut requests = other.requests();
        requests.sort();
        let expected = ["/data", "/framed.html", "/framed.html", "/image.svg", "/script.js"];
        let expected = expected.map(|path| format!("GET {path}"));
        assert_eq!(requests, [&expected[..], &["POST /form".to_owned()]].concat(), "{path}");
    }
}

/// Returns the URLs of the frames of another origin's page.
async fn framed(browser: &Browser, server: &Server) -> Vec<String> {
    let other = other_origin(server);
    browser.open(&format!("{}/frames.html", other.base)).await;
    let mut urls = Vec::new();
    for position in [0, 1] {
        browser.frame(Some(position)).await;
        let url = browser.run("return document.URL", &json!([])).await;
        urls.push(url.as_str().unwrap().to_owned());
        browser.frame(None).await;
    }
    urls
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn other_origins_cannot_frame_the_service() {
    let browser = browser().await;
    let refused = ["chrome-error://chromewebdata/"; 2];
    let server = Server::start().await;
    assert_eq!(framed(&browser, &server).await, refused);
    let mut refusals = 0;
    within_a_minute("messages in the console", async || {
        let console = browser.console().await;
        let named = console.iter().filter(|line| line.contains("\"frame-ancestors 'none'\""));
        refusals += named.count();
        (refusals == 2).then_some(())
    })
    .await;
    // X-Frame-Options alone is enough, too.
    let server = Server::with(&["--csp-enabled", "false"]).await;
    assert_eq!(framed(&browser, &server).await, refused);
    let server = Server::with(&["--security-headers-enabled", "false"]).await;
    let urls = [SWAGGER_UI, DATA].map(|path| format!("{}{path}", server.base));
    assert_eq!(framed(&browser, &server).await, urls);
}
