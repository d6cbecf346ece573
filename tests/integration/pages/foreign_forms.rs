//! No other site can act with a person's session: the table of pages is walked, so that a new form
//! is covered by itself.

use mdl::http::pages;
use reqwest::Method;

use crate::pages::visitor::{FORM, Visitor};
use crate::support::{ADMIN_PASSWORD, Server};

/// What browsers send with a form from elsewhere; also what a browser without Fetch Metadata sends.
const FOREIGN: [&[(&str, &str)]; 5] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example.com")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://other.localhost")],
    &[("origin", "https://evil.example.com")],
    &[("origin", "null")],
    &[("sec-fetch-site", "cross-site")],
];

/// Returns the paths of all forms, with a value for each parameter.
fn forms() -> Vec<String> {
    let operations = pages::table().operations();
    let unsafe_ones = operations.iter().filter(|operation| !operation.method.is_safe());
    let filled = |path: &str| {
        let segment = |part: &'static str| if part.starts_with('{') { "x" } else { part };
        let path: &'static str = path.to_owned().leak();
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    };
    unsafe_ones.map(|operation| filled(operation.path)).collect()
}

#[actix_web::test]
async fn every_form_refuses_other_sites() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let forms = forms();
    assert!(forms.contains(&"/dashboard/sign-out".to_owned()), "{forms:?}");
    for path in &forms {
        for headers in FOREIGN {
            let sent = visitor.send(Method::POST, path, headers, Some(Vec::new())).await;
            let refused = sent.expect_page(403, "Not allowed");
            assert!(refused.text("main").contains("another site"), "{path} {headers:?}");
        }
    }
    // Nothing was done: the session lives.
    visitor.get("/dashboard").await.expect(200);
}

#[actix_web::test]
async fn forms_take_forms_only() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let body = Some(("application/json", b"{}".to_vec()));
    let headers = [("cookie", visitor.cookie.as_str())];
    let path = "/dashboard/sign-in";
    let refused = server.send(Method::POST, path, "", &headers, body).await;
    assert_eq!(refused.expect(415).header("content-type"), "text/html; charset=utf-8");
    let long = vec![b'a'; 65 * 1024];
    let refused = server.send(Method::POST, path, "", &headers, Some((FORM, long))).await;
    refused.expect(413);
}

#[actix_web::test]
async fn a_link_from_another_site_finds_the_session() {
    let server = Server::start().await;
    let visitor = Visitor::anonymous(&server);
    // The browser keeps a strict cookie back at first.
    let path = "/dashboard?done=signed-out";
    let first = visitor.get_with(path, &[("sec-fetch-site", "cross-site")]).await;
    let first = first.expect_page(200, "One moment");
    assert_eq!(first.attribute("meta[http-equiv=refresh]", "content"), format!("0;url={path}"));
    let again = visitor.get_with(path, &[("sec-fetch-site", "same-origin")]).await;
    again.expect_location("/dashboard/sign-in?next=%2Fdashboard%3Fdone%3Dsigned-out");
}
