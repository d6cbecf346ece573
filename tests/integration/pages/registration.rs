//! Registering with the form, and that it does not exist where registration is disabled.

use reqwest::Method;

use crate::pages::visitor::Visitor;
use crate::support::{PASSWORD, Server};

const REGISTER: &str = "/dashboard/register";

fn fields<'a>(username: &'a str, email: &'a str, password: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("username", username),
        ("email", email),
        ("full_name", "Ann <b>Other</b>"),
        ("password", password),
        // No part of the form.
        ("role", "admin"),
    ]
}

#[actix_web::test]
async fn person_registers_and_is_signed_in_as_a_viewer() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let mut visitor = Visitor::anonymous(&server);
    let sign_in = visitor.get("/dashboard/sign-in").await;
    assert_eq!(sign_in.all(&format!("main a[href='{REGISTER}']")).len(), 1);
    let form = visitor.get(REGISTER).await.expect_page(200, "Register");
    assert_eq!(form.attribute("main form", "action"), REGISTER);
    let names: Vec<_> =
        form.all("main input").iter().map(|one| one.attr("name").unwrap()).collect();
    assert_eq!(names, ["username", "full_name", "email", "password"]);
    for (username, email, password, status, refused_fields) in [
        ("a b", "no address", "short", 400, &["username", "email", "password"][..]),
        ("ann", "ann@example.com", "ann ann ann ann ann", 400, &["password"]),
        ("ADMIN", "ann@example.com", PASSWORD, 409, &[]),
    ] {
        let refused = visitor.submit(REGISTER, &fields(username, email, password)).await;
        let refused = refused.expect_page(status, "Register");
        for name in ["username", "email", "password"] {
            let errors = refused.all(&format!("#field-{name}-error")).len();
            // The rules of the password are checked when all others are met.
            let is_expected =
                refused_fields.contains(&name) && (name != "password" || refused_fields.len() == 1);
            assert_eq!(errors, usize::from(is_expected), "{username} {name}");
        }
        assert!(!refused.all("[role=alert]").is_empty());
        assert_eq!(refused.attribute("[name=username]", "value"), username);
        assert_eq!(refused.attribute("[name=full_name]", "value"), "Ann <b>Other</b>");
        assert_eq!(refused.attribute("[name=password]", "value"), "");
        assert_eq!(visitor.cookie, "");
    }
    let done = visitor.submit(REGISTER, &fields("ann", "ann@example.com", PASSWORD)).await;
    let done = done.expect_location("/dashboard");
    assert!(done.answer.header("set-cookie").contains("HttpOnly; SameSite=Strict"));
    assert_eq!(visitor.get("/dashboard").await.text(".viewer"), "ann (viewer)");
    server.login("ann", PASSWORD).await.expect(200);
    let log = server.get("/api/v1/audit?action=user.registered", &server.admin().await).await;
    assert_eq!(log.json()["data"][0]["target"], "ann");
}

#[actix_web::test]
async fn disabled_registration_has_no_page() {
    let server = Server::start().await;
    let mut visitor = Visitor::anonymous(&server);
    assert!(!visitor.get("/dashboard/sign-in").await.answer.text.contains("register"));
    let unknown = visitor.get("/dashboard/nothing").await.expect_page(404, "Not found");
    let strip = |text: &str| text.split("<p class=\"request-id\"").next().unwrap().to_owned();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let page = visitor.send(method.clone(), REGISTER, &[], None).await.expect(404);
        assert_eq!(page.answer.header("allow"), "");
        if method != Method::HEAD {
            assert_eq!(strip(&page.answer.text), strip(&unknown.answer.text), "{method}");
        }
    }
    let sent = visitor.submit(REGISTER, &fields("ann", "ann@example.com", PASSWORD)).await;
    sent.expect_page(404, "Not found");
    visitor.get(&format!("{REGISTER}?a=b")).await.expect_page(404, "Not found");
    server.login("ann", PASSWORD).await.expect(401);
}
