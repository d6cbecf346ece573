//! The pages of one's own account: profile, sessions, password.

use mdl::http::pages;
use reqwest::Method;
use serde_json::json;

use crate::pages::visitor::{Reply, Visitor, encode};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const ACCOUNT: &str = "/dashboard/account";
const CHANGE: &str = "/dashboard/account/password";
const END_OTHERS: &str = "/dashboard/account/end-other-sessions";
const SIGN_IN: &str = "/dashboard/sign-in";
const NEW: &str = "another password for tests";

/// The targets of the forms that end one session.
fn ends(page: &Reply) -> Vec<String> {
    let forms = page.all("tbody form");
    forms.iter().map(|form| form.attr("action").unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn own_account_shows_profile_and_sessions() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, token) = server.user(&admin, "ann", "editor").await;
    server.advance(60);
    let mut visitor = Visitor::anonymous(&server);
    visitor.get(ACCOUNT).await.expect_location("/dashboard/sign-in?next=%2Fdashboard%2Faccount");
    let form = Some(encode(&[("username", "ann"), ("password", PASSWORD)]));
    let agent = [("user-agent", "Firefox <b>1</b>")];
    let signed_in = visitor.send(Method::POST, SIGN_IN, &agent, form).await.expect(303);
    let cookie = signed_in.answer.header("set-cookie").split(';').next().unwrap().to_owned();
    visitor.cookie = cookie;
    let home = visitor.get("/dashboard").await.expect(200);
    assert_eq!(home.attribute("header .viewer", "href"), ACCOUNT);
    let page = visitor.get(ACCOUNT).await.expect_page(200, "Your account");
    assert_eq!(page.attribute("header .viewer", "aria-current"), "page");
    let me = server.get("/api/auth/me", &token).await.json()["user"].clone();
    let facts = page.texts("main dd");
    for field in ["username", "full_name", "email", "role"] {
        assert!(facts.contains(&me[field].as_str().unwrap().to_owned()), "{field}: {facts:?}");
    }
    let sessions = server.get("/api/auth/sessions", &token).await.json()["sessions"].clone();
    let sessions = sessions.as_array().unwrap();
    let rows = page.texts("tbody tr");
    assert_eq!((rows.len(), sessions.len()), (2, 2));
    // The last used comes first.
    assert!(
        rows[0].starts_with("Firefox <b>1</b> 20") && rows[0].ends_with("127.0.0.1 This session"),
        "{rows:?}"
    );
    assert!(rows[1].starts_with("Not known 20") && rows[1].ends_with("127.0.0.1 End"), "{rows:?}");
    let times: Vec<_> = page.all("tbody time").iter().map(|time| time.attr("datetime")).collect();
    for (row, session) in sessions.iter().enumerate() {
        for (column, field) in ["created_at", "last_used_at"].iter().enumerate() {
            let shown = times[2 * row + column].unwrap();
            let stored = session[field].as_str().unwrap();
            let instant = |text| chrono::DateTime::parse_from_rfc3339(text).unwrap();
            let apart = instant(shown) - instant(stored);
            assert!(apart.abs() < chrono::TimeDelta::seconds(1), "{shown} {stored}");
        }
    }
}

#[actix_web::test]
async fn one_session_or_all_others_end() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, token) = server.user(&admin, "ann", "viewer").await;
    let mut here = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let there = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let others = server.get("/api/auth/sessions", &token).await.json();
    let others = others["sessions"].as_array().unwrap();
    let program = others.iter().find(|session| session["current"] == true).unwrap();
    let program = format!("{ACCOUNT}/sessions/{}/end", program["id"].as_str().unwrap());
    let page = here.get(ACCOUNT).await;
    assert!(ends(&page).contains(&program), "{:?}", ends(&page));
    assert_eq!(page.attribute(&format!("form[action='{END_OTHERS}']"), "method"), "post");
    let browser = ends(&page).into_iter().find(|path| *path != program).unwrap();
    here.submit(&browser, &[]).await.expect_location("/dashboard/account?done=session-ended");
    there.get("/dashboard").await.expect_location(SIGN_IN);
    server.get("/api/auth/me", &token).await.expect(200);
    let page = here.get("/dashboard/account?done=session-ended").await;
    assert_eq!(page.text("#notice"), "The session is ended.");
    assert_eq!(ends(&page), [program]);
    here.submit(&browser, &[]).await.expect_page(404, "Not found");
    here.submit(&format!("{ACCOUNT}/sessions/x/end"), &[]).await.expect(400);

    let there = Visitor::signed_in(&server, "ann", PASSWORD).await;
    here.submit(END_OTHERS, &[]).await.expect_location("/dashboard/account?done=sessions-ended");
    there.get("/dashboard").await.expect_location(SIGN_IN);
    server.get("/api/auth/me", &token).await.expect(401);
    let page = here.get(ACCOUNT).await.expect(200);
    assert_eq!((ends(&page).len(), page.all("tbody tr").len()), (0, 1));
    assert!(page.all(&format!("form[action='{END_OTHERS}']")).is_empty());
    // No request of one user ends a session of another.
    let mut admin = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mine = server.login("ann", PASSWORD).await;
    let mine = crate::support::token(&mine);
    let list = server.get("/api/auth/sessions", &mine).await.json();
    for session in list["sessions"].as_array().unwrap() {
        let path = format!("{ACCOUNT}/sessions/{}/end", session["id"].as_str().unwrap());
        admin.submit(&path, &[]).await.expect_page(404, "Not found");
        if session["current"] == false {
            let ended = here.submit(&path, &[]).await;
            ended.expect_location("/dashboard/sign-in?done=signed-out");
            assert_eq!(here.cookie, "");
        }
    }
    server.get("/api/auth/me", &mine).await.expect(200);
}

#[actix_web::test]
async fn password_changes_as_over_the_api() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, token) = server.user(&admin, "ann", "editor").await;
    let (_, key) = server.key(&token, &["metrics:read"]).await;
    let mut here = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let there = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let form = here.get(CHANGE).await.expect_page(200, "Change your password");
    assert_eq!(form.attribute("[name=new_password]", "autocomplete"), "new-password");
    for (current, new, status, at_field) in [
        ("wrong", NEW, 403, false),
        (PASSWORD, "short", 400, true),
        (PASSWORD, "ann ann ann ann ann", 400, true),
        ("", "", 400, true),
    ] {
        let fields = [("current_password", current), ("new_password", new)];
        let refused = here.submit(CHANGE, &fields).await;
        let refused = refused.expect_page(status, "Change your password");
        assert_eq!(refused.all("#field-new_password-error").len(), usize::from(at_field));
        assert_eq!(refused.all("[role=alert]").len(), 1);
        for name in ["current_password", "new_password"] {
            assert_eq!(refused.attribute(&format!("[name={name}]"), "value"), "");
        }
    }
    server.get("/api/auth/me", &token).await.expect(200);
    let keep = [
        ("current_password", PASSWORD),
        ("new_password", NEW),
        ("keep_api_keys", "true"),
        ("username", "admin"),
    ];
    let changed = here.submit(CHANGE, &keep).await;
    let changed = changed.expect_location("/dashboard/account?done=password-changed");
    let page = here.get(changed.answer.header("location")).await.expect(200);
    assert!(page.text("#notice").starts_with("The password is changed."));
    there.get("/dashboard").await.expect_location(SIGN_IN);
    server.get("/api/auth/me", &token).await.expect(401);
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    server.login("ann", PASSWORD).await.expect(401);
    // Without the box the keys end, too.
    let fields = [("current_password", NEW), ("new_password", PASSWORD)];
    here.submit(CHANGE, &fields).await.expect(303);
    server.get_with("/api/v1/metrics", &key).await.expect_error(401, "INVALID_API_KEY");
    server.login("ann", PASSWORD).await.expect(200);
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let log = server.get("/api/v1/audit?action=user.password_changed", &admin).await.json();
    assert_eq!(log["data"].as_array().unwrap().len(), 2);
    assert!(log["data"].as_array().unwrap().iter().all(|event| event["target"] == "ann"));
}

#[actix_web::test]
async fn account_is_for_people_who_are_signed_in() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let mut visitor = Visitor::anonymous(&server);
    let session = format!("{ACCOUNT}/sessions/0193b0a4-0000-7000-8000-000000000000/end");
    for path in [ACCOUNT, CHANGE] {
        visitor.get(path).await.expect(303);
    }
    for path in [CHANGE, END_OTHERS, &session] {
        visitor.submit(path, &[]).await.expect_page(401, "Signed out");
    }
    let (_, key) = server.key(&server.admin().await, &["admin"]).await;
    for operation in pages::table().operations() {
        if operation.path.starts_with(ACCOUNT) && operation.method == "GET" {
            server.get_with(operation.path, &key).await.expect(303);
        }
    }
    assert_eq!(visitor.get("/dashboard").await.all(&format!("a[href='{ACCOUNT}']")).len(), 0);
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    server.post("/api/auth/login", "", &body).await.expect(200);
}
