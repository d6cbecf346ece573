//! What every page has: its headers, and a policy that admits its own scripts only.

use std::collections::BTreeSet;

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, Server};

#[actix_web::test]
async fn policy_admits_the_scripts_of_this_response_only() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mut nonces = BTreeSet::new();
    for path in ["/dashboard", "/dashboard/sign-in", "/dashboard"] {
        let page = visitor.get(path).await.expect(200);
        let nonce = page.attribute("script", "nonce");
        assert!(page.all("script").iter().all(|script| script.attr("nonce") == Some(&nonce)));
        assert!(page.all("script").iter().all(|script| script.text().next().is_none()));
        assert_eq!(page.all("style, [style], [onclick], [onload]").len(), 0, "{path}");
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types htmx"
        );
        assert_eq!(page.answer.header("content-security-policy"), policy);
        assert_eq!(page.answer.header("cache-control"), "no-store");
        assert_eq!(page.answer.header("x-frame-options"), "DENY");
        assert!(nonces.insert(nonce), "a nonce of another page");
    }
}

#[actix_web::test]
async fn switches_of_headers_hold_for_pages() {
    let server = Server::with(&["--csp-enabled", "false"]).await;
    let page = server.get("/dashboard/sign-in", "").await.expect(200);
    assert_eq!(page.header("content-security-policy"), "");
    assert_eq!(page.header("x-frame-options"), "DENY");
    let server = Server::with(&["--security-headers-enabled", "false"]).await;
    let page = server.get("/dashboard/sign-in", "").await.expect(200);
    assert_eq!(page.header("content-security-policy"), "");
    assert_eq!(page.header("x-frame-options"), "");
}

#[actix_web::test]
async fn page_has_landmarks_and_a_way_past_the_navigation() {
    let server = Server::start().await;
    let page = Visitor::anonymous(&server).get("/dashboard/sign-in").await;
    assert_eq!(page.attribute("html", "lang"), "en");
    assert_eq!(page.attribute("body > a:first-child", "href"), "#main");
    for landmark in ["body > header nav[aria-label]", "body > main#main", "body > footer", "h1"] {
        assert_eq!(page.all(landmark).len(), 1, "{landmark}");
    }
    assert_eq!(page.attribute("#notice", "aria-live"), "polite");
}

#[actix_web::test]
async fn files_of_pages_are_kept_for_ever_and_named_after_their_content() {
    let server = Server::start().await;
    let visitor = Visitor::anonymous(&server);
    let page = visitor.get("/dashboard/sign-in").await;
    let links = page.all("link[href], script[src]").into_iter();
    let paths: Vec<_> =
        links.map(|link| link.attr("href").or(link.attr("src")).unwrap().to_owned()).collect();
    assert_eq!(paths.len(), 7);
    for path in paths {
        let file = server.get(&path, "").await.expect(200);
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert!(!file.text.is_empty());
    }
}
