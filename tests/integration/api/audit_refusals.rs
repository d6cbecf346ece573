//! Refusals in the audit log: counted together, so that a flood fills no table.

use serde_json::{Value, json};

use crate::support::{Server, database};

/// Waits until so many refusals of an action are written, and returns their rows.
pub async fn refusals(server: &Server, admin: &str, action: &str, expected: i64) -> Vec<Value> {
    let written = format!(
        "SELECT coalesce(sum(occurrences), 0) = {expected} FROM audit_events \
         WHERE action = '{action}' AND outcome = 'refused'"
    );
    mdl::http::auditing::flush(&server.state(), true).await;
    database::until(&server.database_url, &written).await;
    let path = format!("/api/v1/audit?action={action}&outcome=refused&limit=100");
    server.get(&path, admin).await.expect(200).json()["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn refused_caller_is_named_with_reason_and_route() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "viewer").await;
    let refused = server.get("/api/v1/audit", &eva).await.expect(403);
    let rows = refusals(&server, &admin, "access.forbidden", 1).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((&row["actor"], &row["actor_id"]), (&json!("eva"), &json!(eva_id)));
    assert_eq!(
        (&row["outcome"], &row["reason"]),
        (&json!("refused"), &json!("AUTHORIZATION_ERROR"))
    );
    assert_eq!((&row["address"], &row["channel"]), (&json!("127.0.0.1"), &json!("api")));
    assert_eq!(row["request_id"], refused.header("x-request-id"));
    assert_eq!(row["server_request_id"], refused.header("x-request-id"));
    assert_eq!(
        (&row["credential"], &row["details"]["route"]),
        (&json!("session"), &json!("GET /api/v1/audit"))
    );
}

#[actix_web::test]
async fn first_refusal_is_written_soon_without_waiting_for_the_interval() {
    let server = Server::start().await;
    server.get_with("/api/v1/metrics", "mdl_wrong").await.expect(401);
    let written = "SELECT count(*) = 1 FROM audit_events WHERE action = 'access.unauthenticated' \
                   AND reason = 'INVALID_API_KEY' AND actor IS NULL";
    database::until(&server.database_url, written).await;
}

#[actix_web::test]
async fn ten_thousand_refused_keys_make_at_most_five_rows() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let wave = |number: usize| {
        let server = &server;
        async move {
            for _ in 0..200 {
                let key = format!("mdl_{number}");
                server.get_with("/api/v1/metrics", &key).await.expect(401);
            }
        }
    };
    futures_util::future::join_all((0..50).map(wave)).await;
    let rows = refusals(&server, &admin, "access.unauthenticated", 10_000).await;
    assert!((1..=5).contains(&rows.len()), "{}", rows.len());
    let warnings = server
        .logs
        .lines()
        .into_iter()
        .filter(|line| line["msg"] == "audit" && line["reason"].is_string());
    assert_eq!(warnings.count(), rows.len(), "a log event for each row");
}

#[actix_web::test]
async fn ten_thousand_failed_log_ins_make_few_rows_without_names() {
    let server = Server::with(&[
        "--rate-limit-enabled",
        "true",
        "--rate-limit-general-max",
        "100000",
        "--rate-limit-burst-per-second",
        "100000",
    ])
    .await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "viewer").await;
    let wave = |wave: usize| {
        let server = &server;
        async move {
            for number in 0..1250 {
                // Half of them for one account, half for an account each.
                let name = if number % 2 == 0 {
                    "eva".to_owned()
                } else {
                    format!("secret{wave}x{number}")
                };
                let status = server.login(&name, "wrong password").await.status;
                assert!([401, 429].contains(&status), "{status}");
            }
        }
    };
    futures_util::future::join_all((0..8).map(wave)).await;
    mdl::http::auditing::flush(&server.state(), true).await;
    let all = "SELECT sum(occurrences) = 10000 FROM audit_events WHERE outcome = 'refused'";
    database::until(&server.database_url, all).await;
    let rows = server.get("/api/v1/audit?outcome=refused&limit=100", &admin).await.expect(200);
    let count = rows.json()["pagination"]["total"].as_u64().unwrap();
    // Two actions, at most nine kinds of one address, a first row and the rest; one interval may
    // have ended meanwhile.
    assert!((2..=54).contains(&count), "{count}");
    assert!(!rows.text.contains("secret"), "a name as it was typed is in the log");
}

#[actix_web::test]
async fn request_without_credentials_is_not_recorded() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.get("/api/v1/metrics", "").await.expect(401);
    assert!(refusals(&server, &admin, "access.unauthenticated", 0).await.is_empty());
}

#[actix_web::test]
async fn refusals_during_an_outage_are_written_after_it() {
    let url = database::fresh().await;
    let proxy = crate::support::proxy::Proxy::start(true).await;
    let server = Server::on(&proxy.url(&url), &["--circuit-breaker-reset-timeout", "100"]).await;
    server.ready().await;
    let admin = server.admin().await;
    proxy.close();
    for _ in 0..7 {
        server.get_with("/api/v1/metrics", "mdl_wrong").await.expect(401);
    }
    assert_eq!(mdl::http::auditing::flush(&server.state(), true).await, 0);
    proxy.open();
    server.circuits_closed().await;
    assert_eq!(refusals(&server, &admin, "access.unauthenticated", 7).await.len(), 1);
}
