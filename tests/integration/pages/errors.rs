//! Errors of pages are pages; those of everything else stay JSON.

use reqwest::Method;

use crate::pages::visitor::Visitor;
use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Server, database};

#[actix_web::test]
async fn errors_are_pages_with_the_id_of_the_request() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    for (path, status, heading) in [
        ("/dashboard/nowhere", 404, "Not found"),
        ("/dashboard/", 404, "Not found"),
        ("/dashboard?unknown=1", 400, "The request is not valid"),
        ("/dashboard/sign-out", 405, "The request is not valid"),
    ] {
        let page = visitor.get(path).await.expect_page(status, heading);
        assert_eq!(page.text(".request-id code"), page.answer.header("x-request-id"), "{path}");
        assert_eq!(page.answer.header("cache-control"), "no-store");
        let policy = page.answer.header("content-security-policy");
        assert!(policy.contains("script-src 'none'; style-src 'self'"), "{policy}");
        assert_eq!(page.all("script").len(), 0);
    }
    let method = visitor.get("/dashboard/sign-out").await;
    assert_eq!(method.answer.header("allow"), "POST");
    for path in ["/nowhere", "/dashboardx", "/dashboard/assets/none.js"] {
        visitor.get(path).await.answer.expect_error(404, "NOT_FOUND");
    }
    visitor.get("/dashboard/%zz").await.answer.expect_error(400, "VALIDATION_ERROR");
}

#[actix_web::test]
async fn browsers_are_sent_to_the_pages_and_programs_are_not() {
    let server = Server::start().await;
    let visitor = Visitor::anonymous(&server);
    let accept = [("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")];
    visitor.get_with("/", &accept).await.expect_location("/dashboard");
    for headers in [&[][..], &[("accept", "application/json")], &[("accept", "*/*")]] {
        visitor.get_with("/", headers).await.answer.expect_error(404, "NOT_FOUND");
    }
    let posted = visitor.send(Method::POST, "/", &accept, None).await;
    posted.answer.expect_error(404, "NOT_FOUND");
    visitor.get_with("/nowhere", &accept).await.answer.expect_error(404, "NOT_FOUND");
}

#[actix_web::test]
async fn outage_says_when_to_try_again() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "60000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let cookie = visitor.cookie.clone();
    proxy.close();
    let fields = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let refused = visitor.submit("/dashboard/sign-in", &fields).await;
    let refused = refused.expect_page(503, "Not available now");
    assert!(refused.text("main").contains("Database temporarily unavailable."));
    assert_eq!(refused.all("main time").len(), 1);
    assert!(refused.answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    // A failed sign-out ends no session, and must not look as if it had.
    let refused = visitor.submit("/dashboard/sign-out", &[]).await;
    refused.expect_page(503, "Not available now");
    assert_eq!(visitor.cookie, cookie);
}

#[actix_web::test]
async fn form_sent_after_the_session_has_ended_says_so() {
    let server = Server::start().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let kept = visitor.cookie.clone();
    visitor.submit("/dashboard/sign-out", &[]).await.expect(303);
    visitor.cookie = kept;
    let part = visitor.get_with("/dashboard", &[("hx-request", "true")]).await.expect(401);
    assert_eq!(part.answer.header("hx-redirect"), "/dashboard/sign-in");
}
