//! The path of the registration while it is disabled: no method of it exists.

use reqwest::Method;

use crate::support::Server;

const REGISTER: &str = "/api/auth/register";

#[actix_web::test]
async fn disabled_registration_is_not_found_with_any_method() {
    let server = Server::start().await;
    let unknown = server.get("/api/auth/nothing", "").await.expect_error(404, "NOT_FOUND").json();
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = server.send(method, REGISTER, "", &[], None).await;
        let answer = answer.expect_error(404, "NOT_FOUND");
        assert_eq!(answer.header("allow"), "");
        assert_eq!(answer.json()["error"]["message"], unknown["error"]["message"]);
    }
}

#[actix_web::test]
async fn enabled_registration_allows_post_only() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let answer = server.get(REGISTER, "").await.expect_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "POST");
}
