//! Signing in and out, and what ends a session.

use serde_json::json;

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

#[actix_web::test]
async fn person_signs_in_and_out() {
    let server = Server::start().await;
    let mut visitor = Visitor::anonymous(&server);
    visitor.get("/dashboard").await.expect_location("/dashboard/sign-in");
    let form = visitor.get("/dashboard/sign-in").await.expect_page(200, "Sign in");
    assert_eq!(form.attribute("main form", "action"), "/dashboard/sign-in");
    assert_eq!(form.attribute("main form input[name=password]", "type"), "password");
    let fields = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let signed_in = visitor.submit("/dashboard/sign-in", &fields).await;
    let signed_in = signed_in.expect_location("/dashboard");
    let cookie = signed_in.answer.header("set-cookie").to_owned();
    let lifetime = cookie.split_once("Max-Age=").unwrap().1.split(';').next().unwrap().to_owned();
    assert!((604_700..=604_800).contains(&lifetime.parse::<i64>().unwrap()), "{cookie}");
    assert!(cookie.starts_with("mdl_session="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    let page = visitor.get("/dashboard").await.expect_page(200, "Metrics");
    assert_eq!(page.text(".viewer"), "admin (admin)");
    let old = visitor.cookie.clone();
    let signed_out = visitor.submit("/dashboard/sign-out", &[]).await;
    let signed_out = signed_out.expect_location("/dashboard/sign-in?done=signed-out");
    let removed = "mdl_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
    assert_eq!(signed_out.answer.header("set-cookie"), removed);
    let form = visitor.get("/dashboard/sign-in?done=signed-out").await;
    assert_eq!(form.text("#notice"), "You are signed out.");
    visitor.cookie = old;
    let ended = visitor.get("/dashboard").await.expect_location("/dashboard/sign-in");
    assert_eq!(ended.answer.header("set-cookie"), removed);
    // Whoever is signed out already may sign out.
    visitor.submit("/dashboard/sign-out", &[]).await.expect(303);
}

#[actix_web::test]
async fn behind_a_proxy_the_cookie_is_of_this_host_and_secure() {
    let server = Server::start().await;
    let visitor = Visitor::anonymous(&server);
    let fields = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let form = Some(crate::pages::visitor::encode(&fields));
    let headers = [("x-forwarded-proto", "https")];
    let method = reqwest::Method::POST;
    let signed_in = visitor.send(method, "/dashboard/sign-in", &headers, form).await.expect(303);
    let cookie = signed_in.answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-mdl_session="), "{cookie}");
    assert!(cookie.contains("; Path=/; "), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    // Without the prefix, another host of the domain could have set it.
    let value = cookie.split_once('=').unwrap().1.split(';').next().unwrap().to_owned();
    for (name, status) in [("__Host-mdl_session", 200), ("mdl_session", 303)] {
        let visitor = Visitor { server: &server, cookie: format!("{name}={value}") };
        visitor.get_with("/dashboard", &headers).await.expect(status);
    }
}

#[actix_web::test]
async fn wrong_password_is_refused_at_the_form_and_recorded() {
    let server = Server::start().await;
    let mut visitor = Visitor::anonymous(&server);
    for (username, password, status) in
        [("admin", "wrong", 401), ("\"><script>", "wrong", 401), ("", "", 400)]
    {
        let fields = [("username", username), ("password", password), ("next", "/dashboard?a=b")];
        let refused = visitor.submit("/dashboard/sign-in", &fields).await;
        let refused = refused.expect_page(status, "Sign in");
        assert_eq!(refused.attribute("input[name=username]", "value"), username);
        assert_eq!(refused.attribute("input[name=password]", "value"), "");
        assert_eq!(refused.attribute("input[name=next]", "value"), "/dashboard?a=b");
        assert_eq!(refused.all("[role=alert]").len(), 1);
        assert!(visitor.cookie.is_empty());
    }
    let admin = server.admin().await;
    mdl::http::auditing::flush(&server.state(), true).await;
    let refused = server.get("/api/v1/audit?action=login.failed", &admin).await.expect(200);
    assert!(refused.text.contains("POST /dashboard/sign-in"), "{}", refused.text);
}

#[actix_web::test]
async fn sign_in_leads_back_to_own_pages_only() {
    let server = Server::start().await;
    let mut visitor = Visitor::anonymous(&server);
    let asked = visitor.get("/dashboard?done=signed-out").await;
    let asked = asked.expect_location("/dashboard/sign-in?next=%2Fdashboard%3Fdone%3Dsigned-out");
    let form = visitor.get(asked.answer.header("location")).await;
    assert_eq!(form.attribute("input[name=next]", "value"), "/dashboard?done=signed-out");
    for next in ["//evil.example.com", "https://evil.example.com", "/dashboard\\@evil", "/api/v1"] {
        let fields = [("username", "admin"), ("password", ADMIN_PASSWORD), ("next", next)];
        visitor.submit("/dashboard/sign-in", &fields).await.expect_location("/dashboard");
    }
}

#[actix_web::test]
async fn what_ends_a_session_ends_its_cookie_at_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (name, action) in [
        ("suspended", "suspend"),
        ("deleted", "delete"),
        ("changed", "change the password"),
        ("ended", "end all others"),
        ("single", "end this one"),
    ] {
        let (id, token) = server.user(&admin, name, "editor").await;
        let visitor = Visitor::signed_in(&server, name, PASSWORD).await;
        visitor.get("/dashboard").await.expect_page(200, "Metrics");
        let user = format!("/api/auth/users/{id}");
        match action {
            "suspend" => {
                server.put(&user, &admin, &json!({"status": "suspended"})).await.expect(200);
            }
            "delete" => {
                server.delete(&user, &admin).await.expect(200);
            }
            "change the password" => {
                let body = json!({"current_password": PASSWORD, "new_password": ADMIN_PASSWORD});
                server.post("/api/auth/change-password", &token, &body).await.expect(200);
            }
            "end all others" => {
                server.delete("/api/auth/sessions", &token).await.expect(200);
            }
            _ => {
                let list = server.get("/api/auth/sessions", &token).await.json();
                let mut others = list["sessions"].as_array().unwrap().iter();
                let other = others.find(|one| one["current"] == false).unwrap();
                let path = format!("/api/auth/sessions/{}", other["id"].as_str().unwrap());
                server.delete(&path, &token).await.expect(200);
            }
        }
        visitor.get("/dashboard").await.expect_location("/dashboard/sign-in");
    }
}

#[actix_web::test]
async fn demoted_user_has_the_rights_of_the_new_role_at_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "ann", "editor").await;
    let visitor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    assert_eq!(visitor.get("/dashboard").await.text(".viewer"), "ann (editor)");
    let user = format!("/api/auth/users/{id}");
    server.put(&user, &admin, &json!({"role": "viewer"})).await.expect(200);
    assert_eq!(visitor.get("/dashboard").await.text(".viewer"), "ann (viewer)");
}

#[actix_web::test]
async fn session_of_a_browser_is_listed_and_ends_after_a_week() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let sessions = server.get("/api/auth/sessions", &server.admin().await).await.json();
    assert_eq!(sessions["count"], 2);
    server.advance(7 * 24 * 3600 - 60);
    visitor.get("/dashboard").await.expect(200);
    server.advance(60);
    visitor.get("/dashboard").await.expect_location("/dashboard/sign-in");
}

#[actix_web::test]
async fn cookies_are_for_pages_and_tokens_for_the_api() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let cookie_alone = visitor.get("/api/v1/metrics").await;
    cookie_alone.answer.expect_error(401, "AUTHENTICATION_ERROR");
    let value = visitor.cookie.split_once('=').unwrap().1;
    server.get("/api/v1/metrics", value).await.expect_error(401, "AUTHENTICATION_ERROR");
    let body = json!({"refresh_token": value});
    server.post("/api/auth/refresh", "", &body).await.expect_error(401, "AUTHENTICATION_ERROR");
    let login = server.login("admin", ADMIN_PASSWORD).await;
    let (access, refresh) = (crate::support::token(&login), crate::support::refresh_token(&login));
    server.get("/dashboard", &access).await.expect(303);
    for token in [access, refresh] {
        let visitor = Visitor { server: &server, cookie: format!("mdl_session={token}") };
        visitor.get("/dashboard").await.expect_location("/dashboard/sign-in");
    }
}
