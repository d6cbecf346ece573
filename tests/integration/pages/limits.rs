//! People who are signed in are limited by user, wherever they are; files of pages are not limited.

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const ON: [&str; 6] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-burst-per-second",
    "100000",
    "--rate-limit-general-max",
    "12",
];

#[actix_web::test]
async fn people_behind_one_address_have_their_own_limits() {
    let server = Server::with(&ON).await;
    let admin = server.admin().await;
    server.user(&admin, "ann", "editor").await;
    let visitors = [
        Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await,
        Visitor::signed_in(&server, "ann", PASSWORD).await,
    ];
    for visitor in &visitors {
        for left in (0..12).rev() {
            let page = visitor.get("/dashboard").await.expect(200);
            assert_eq!(page.answer.header("ratelimit-remaining"), left.to_string());
        }
        let refused = visitor.get("/dashboard").await.expect_page(429, "Too many requests");
        assert_eq!(refused.all("main time").len(), 1);
    }
    // Neither used up what the address has: twelve, of which five have begun sessions.
    let anonymous = Visitor::anonymous(&server);
    for _ in 0..7 {
        anonymous.get("/dashboard/sign-in").await.expect(200);
    }
    anonymous.get("/dashboard/sign-in").await.expect_page(429, "Too many requests");
    // A cookie that has ended is charged to the address, not to its user.
    server.advance(900);
    let token = server.login("ann", PASSWORD).await;
    let token = crate::support::token(&token);
    server.delete("/api/auth/sessions", &token).await.expect(200);
    for _ in 0..3 {
        visitors[1].get("/dashboard").await.expect(303);
    }
    let again = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let page = again.get("/dashboard").await.expect(200);
    // The first request was recognised by its signature alone, and then charged to the address.
    assert_eq!(page.answer.header("ratelimit-remaining"), "11");
}

#[actix_web::test]
async fn files_of_pages_are_not_limited() {
    let server = Server::with(&[&ON[..4], &["--rate-limit-general-max", "2"]].concat()).await;
    let visitor = Visitor::anonymous(&server);
    let page = visitor.get("/dashboard/sign-in").await.expect(200);
    let style = page.attribute("link[rel=stylesheet]", "href");
    for _ in 0..10 {
        let file = visitor.get(&style).await.expect(200);
        assert_eq!(file.answer.header("ratelimit-remaining"), "");
    }
    visitor.get("/dashboard/sign-in").await.expect(200);
    visitor.get("/dashboard/sign-in").await.expect(429);
}
