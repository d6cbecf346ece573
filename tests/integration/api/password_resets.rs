//! Password resets, with a real mail server.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::mail::{MailServer, arrived, texts, token_in};
use crate::support::{PASSWORD, Server, token};

const REQUEST: &str = "/api/auth/password-reset/request";
const CONFIRM: &str = "/api/auth/password-reset/confirm";
const NEW: &str = "another password for tests";

#[actix_web::test]
async fn reset_link_works_once_within_thirty_minutes() {
    let mail = MailServer::start();
    let url = format!("smtp://127.0.0.1:{}", mail.port);
    let server = Server::with(&[
        "--smtp-url",
        &url,
        "--mail-from",
        "MDL <mdl@example.com>",
        "--public-url",
        "https://mdl.example.com/",
    ])
    .await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let (_, key) = server.key(&eva, &["metrics:read"]).await;
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    // Known and unknown addresses get the same response; unknown ones get no mail.
    let known = server.post(REQUEST, "", &json!({"email": "EVA@example.com"})).await.expect(202);
    let unknown =
        server.post(REQUEST, "", &json!({"email": "unknown@example.com"})).await.expect(202);
    assert_eq!(known.text, unknown.text);
    let mails = arrived(1, || mail.mails()).await;
    assert!(
        mails[0].contains("To: eva@example.com")
            && mails[0].contains("From: MDL <mdl@example.com>"),
        "{}",
        mails[0]
    );
    assert!(mails[0].contains("https://mdl.example.com/api/auth/password-reset/confirm"));
    let first = token_in(&mails[0]);
    // A second request voids the first token.
    server.post(REQUEST, "", &json!({"email": "eva@example.com"})).await.expect(202);
    let second = token_in(&arrived(2, || mail.mails()).await[1]);
    let confirm = |token: &str, password: &str| json!({"token": token, "new_password": password});
    server.post(CONFIRM, "", &confirm(&first, NEW)).await.expect_error(401, "AUTHENTICATION_ERROR");
    let answer = server
        .post(CONFIRM, "", &confirm(&second, "short"))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["new_password"]);
    server.post(CONFIRM, "", &confirm(&second, NEW)).await.expect(200);
    server
        .post(CONFIRM, "", &confirm(&second, "a third password here"))
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
    server.login("eva", PASSWORD).await.expect(401);
    server.login("eva", NEW).await.expect(200);
    server.get("/api/v1/metrics", &eva).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get_with("/api/v1/metrics", &key).await.expect_error(401, "INVALID_API_KEY");
    let log =
        server.get("/api/v1/audit?action=user.password_changed", &admin).await.expect(200).json();
    assert_eq!(log["data"][0]["target"], "eva");
    // Expired.
    server.post(REQUEST, "", &json!({"email": "eva@example.com"})).await.expect(202);
    let third = token_in(&arrived(3, || mail.mails()).await[2]);
    server.advance(1800);
    server
        .post(CONFIRM, "", &confirm(&third, PASSWORD))
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(mail.mails().len(), 3);
    let text = server.logs.text();
    for token in [&first, &second, &third] {
        assert!(!text.contains(token.as_str()));
    }
}

#[actix_web::test]
async fn reset_token_is_used_once_and_voided_by_password_change() {
    let mail = MailServer::start();
    let server = Server::with(&["--smtp-url", &format!("smtp://127.0.0.1:{}", mail.port)]).await;
    let admin = server.admin().await;
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    server.post(REQUEST, "", &json!({"email": "eva@example.com"})).await.expect(202);
    let token_ = token_in(&arrived(1, || mail.mails()).await[0]);
    let tries = ["the first of two passwords", "the second of two passwords"]
        .map(|password| json!({"token": token_, "new_password": password}));
    let answers =
        futures_util::future::join_all(tries.iter().map(|body| server.post(CONFIRM, "", body)))
            .await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    server.get("/api/auth/me", &eva).await.expect(401);
    // A suspended user gets no mail; a password change voids the token.
    let now = if answers[0].status == 200 { &tries[0] } else { &tries[1] }["new_password"]
        .as_str()
        .unwrap();
    let eva = token(&server.login("eva", now).await.expect(200));
    server.post(REQUEST, "", &json!({"email": "eva@example.com"})).await.expect(202);
    let pending = token_in(&arrived(2, || mail.mails()).await[1]);
    server
        .post(
            "/api/auth/change-password",
            &eva,
            &json!({"current_password": now, "new_password": NEW}),
        )
        .await
        .expect(200);
    server
        .post(CONFIRM, "", &json!({"token": pending, "new_password": PASSWORD}))
        .await
        .expect(401);
    server
        .put(&format!("/api/auth/users/{id}"), &admin, &json!({"status": "suspended"}))
        .await
        .expect(200);
    server.post(REQUEST, "", &json!({"email": "eva@example.com"})).await.expect(202);
    server.post(REQUEST, "", &json!({"email": "admin@localhost"})).await.expect(202);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(mail.mails().iter().filter(|mail| mail.contains("To: eva@")).count() == 2);
}

#[actix_web::test]
async fn resets_are_limited_and_unavailable_mail_server_is_hidden() {
    let on = [
        "--rate-limit-enabled",
        "true",
        "--rate-limit-general-max",
        "1000",
        "--trusted-proxies",
        "127.0.0.1",
    ];
    // The port is closed.
    let server = Server::with(&[&on[..], &["--smtp-url", "smtp://127.0.0.1:1"]].concat()).await;
    let ask = async |address: &str, email: &str| {
        let body = Some(crate::support::json_body(&json!({ "email": email })));
        server.send(reqwest::Method::POST, REQUEST, "", &[("x-forwarded-for", address)], body).await
    };
    for _ in 0..3 {
        ask("192.0.2.1", "admin@localhost").await.expect(202);
    }
    let refused =
        ask("192.0.2.1", "other@example.com").await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"password_reset\";q=3;w=3600"));
    ask("192.0.2.2", "admin@localhost").await.expect(429);
    ask("192.0.2.2", "other@example.com").await.expect(202);
    let until = Instant::now() + Duration::from_secs(10);
    while !server.logs.text().contains("failed to send password reset mail") {
        assert!(Instant::now() < until, "the failure is not logged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!server.logs.text().contains("admin@localhost"));
}

/// The events about mails that were not sent.
fn failures(server: &Server) -> Vec<serde_json::Value> {
    let mut lines = server.logs.lines();
    lines.retain(|line| line["msg"] == "failed to send password reset mail");
    lines
}

#[actix_web::test]
async fn failures_to_send_mail_add_up_in_a_few_lines() {
    // The port is closed.
    let server = Server::with(&["--smtp-url", "smtp://127.0.0.1:1"]).await;
    let body = json!({"email": "admin@localhost"});
    for _ in 0..30 {
        let requests = (0..10).map(|_| server.post(REQUEST, "", &body));
        for answer in futures_util::future::join_all(requests).await {
            answer.expect(202);
        }
    }
    // Work goes on after the responses, and counts are reported every ten seconds.
    let (began, until) = (Instant::now(), Instant::now() + Duration::from_mins(2));
    let sum = || -> u64 {
        let counted = |event: &serde_json::Value| event["repeated"].as_u64().unwrap_or(1);
        failures(&server).iter().map(counted).sum()
    };
    while sum() < 300 {
        assert!(Instant::now() < until, "{:#?}", failures(&server));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let logged = failures(&server);
    assert_eq!(sum(), 300, "{logged:#?}");
    assert!(logged.iter().all(|event| event["level"] == "WARN" && event["cause"].is_string()));
    let first = logged.iter().find(|event| event["cause"] == "smtp").expect("a failure of SMTP");
    assert!(first["error"].is_string() && first["request_id"].is_string(), "{first}");
    let firsts = logged.iter().filter(|event| event["repeated"].is_null()).count();
    let intervals = began.elapsed().as_secs() / 10 + 2;
    assert!(logged.len() - firsts <= firsts * usize::try_from(intervals).unwrap(), "{logged:#?}");
    assert!(firsts <= 3 && !server.logs.text().contains("admin@localhost"), "{logged:#?}");
}

#[actix_web::test]
async fn missing_smtp_url_is_one_warning_at_startup() {
    let server = Server::start().await;
    for _ in 0..20 {
        server.post(REQUEST, "", &json!({"email": "admin@localhost"})).await.expect(202);
    }
    let until = Instant::now() + Duration::from_mins(1);
    while failures(&server).len() < 20 {
        assert!(Instant::now() < until, "{:#?}", failures(&server));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(failures(&server).iter().all(|event| event["level"] == "DEBG"));
    let lines = server.logs.lines();
    let warning = "SMTP_URL is not set; password reset emails are not sent";
    let warnings: Vec<_> = lines.iter().filter(|line| line["msg"] == warning).collect();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0]["level"], "WARN");
}

#[actix_web::test]
async fn embedded_mode_writes_mails_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    assert!(server.logs.text().contains("mail is written to a folder"));
    server.post(REQUEST, "", &json!({"email": "admin@localhost"})).await.expect(202);
    let mail = arrived(1, || texts(&folder.path().join("mail"))).await;
    let confirm = json!({"token": token_in(&mail[0]), "new_password": NEW});
    server.post(CONFIRM, "", &confirm).await.expect(200);
    server.login("admin", NEW).await.expect(200);
}
