//! During an outage, an administrator whose session cannot be looked up sees and controls the
//! circuits by the claims of a valid token; nothing else is granted by claims.

use std::time::{Duration, Instant};

use mdl::actors::db_breaker::Circuit;
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Answer, PASSWORD, Server, database, refresh_token, token};

const BREAKERS: &str = "/health/circuit-breakers";
const ACCEPTED: &str = "administrator accepted by token claims during outage";
/// The reset timeout outlasts the test, so that circuits stay open.
const OPTIONS: [&str; 4] =
    ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300000"];
const QUICK: [&str; 4] =
    ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];

async fn status(server: &Server, circuit: Circuit) -> String {
    let (circuits, _) = server.state().db.report().await.unwrap();
    let found = circuits.into_iter().find(|report| report.circuit == circuit).unwrap();
    found.state.as_ref().to_owned()
}

async fn start(options: &[&str]) -> (Proxy, Server, String) {
    let proxy = Proxy::start(true).await;
    let server = Server::on(&proxy.url(&database::fresh().await), options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.settled().await;
    (proxy, server, admin)
}

/// Ends the connection to the database and waits until the circuit of authentication is open.
async fn break_off(proxy: &Proxy, server: &Server) {
    proxy.close();
    let began = Instant::now();
    while status(server, Circuit::Auth).await != "open" {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not open");
        server.login("admin", ADMIN_PASSWORD).await.expect(503);
    }
}

async fn control(server: &Server, token: &str, circuit: &str, action: &str) -> Answer {
    let body = json!({"action": action, "reason": "an outage"});
    server.post(&format!("{BREAKERS}/{circuit}"), token, &body).await
}

/// Logs in. Returns a token that was not used.
async fn unused(server: &Server, name: &str, password: &str) -> String {
    token(&server.login(name, password).await.expect(200))
}

fn acceptances(server: &Server) -> Vec<Value> {
    server.logs.lines().into_iter().filter(|line| line["msg"] == ACCEPTED).collect()
}

#[actix_web::test]
async fn administrator_with_unused_token_reads_and_controls_circuits_during_outage() {
    let (proxy, server, admin) = start(&OPTIONS).await;
    server.user(&admin, "eva", "viewer").await;
    let (_, key) = server.key(&admin, &["admin"]).await;
    let (_, cached_key) = server.key(&admin, &["admin"]).await;
    server.settled().await;
    server.get_with(BREAKERS, &cached_key).await.expect(200);
    let fresh = unused(&server, "admin", ADMIN_PASSWORD).await;
    let viewer = unused(&server, "eva", PASSWORD).await;
    break_off(&proxy, &server).await;

    let seen = server.get(BREAKERS, &fresh).await.expect(200);
    assert_eq!(seen.json()["breakers"]["auth"]["status"], "open");
    let accepted = acceptances(&server);
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0]["request_id"], seen.header("x-request-id"));
    assert_eq!(accepted[0]["level"], "INFO");
    assert!(accepted[0]["user_id"].as_str().unwrap().len() == 36);

    let isolated = control(&server, &fresh, "metrics", "isolate").await.expect(200).json();
    assert_eq!(isolated["breakers"]["metrics"]["status"], "isolated");
    assert_eq!(status(&server, Circuit::Metrics).await, "isolated");
    assert_eq!(acceptances(&server).len(), 2, "one event for each request");

    // Nothing but an administrator's valid token.
    server.get(BREAKERS, &viewer).await.expect_error(403, "AUTHORIZATION_ERROR");
    control(&server, &viewer, "auth", "close").await.expect_error(403, "AUTHORIZATION_ERROR");
    let (head, _) = fresh.rsplit_once('.').unwrap();
    let (_, other_signature) = viewer.rsplit_once('.').unwrap();
    let forged = format!("{head}.{other_signature}");
    server.get(BREAKERS, &forged).await.expect_error(401, "AUTHENTICATION_ERROR");
    control(&server, &forged, "auth", "close").await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get(BREAKERS, "").await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get_with(BREAKERS, &key).await.expect_error(503, "DATABASE_ERROR");
    server.get_with(BREAKERS, &cached_key).await.expect(200);

    // Nothing but these routes.
    for path in ["/api/auth/users", "/api/v1/audit", "/api/auth/me", "/api/v1/metrics"] {
        server.get(path, &fresh).await.expect_error(503, "DATABASE_ERROR");
    }
    server.delete("/api/auth/api-keys", &fresh).await.expect_error(503, "DATABASE_ERROR");
    assert_eq!(acceptances(&server).len(), 2);

    server.advance(1000);
    server.get(BREAKERS, &fresh).await.expect_error(401, "TOKEN_EXPIRED");
    control(&server, &fresh, "auth", "close").await.expect_error(401, "TOKEN_EXPIRED");
    assert_eq!(status(&server, Circuit::Auth).await, "open");
}

#[actix_web::test]
async fn normal_check_is_back_after_the_outage() {
    let (proxy, server, admin) = start(&QUICK).await;
    let ended = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let fresh = token(&ended);
    break_off(&proxy, &server).await;
    control(&server, &fresh, "domains", "isolate").await.expect(200);
    proxy.open();
    let began = Instant::now();
    while status(&server, Circuit::Auth).await != "closed" {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not close");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    control(&server, &fresh, "domains", "close").await.expect(200);
    let accepted = acceptances(&server).len();
    let refresh = json!({"refresh_token": refresh_token(&ended)});
    server.post("/api/auth/logout", "", &refresh).await.expect(200);
    server.get(BREAKERS, &fresh).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(acceptances(&server).len(), accepted);
    // The actions of the outage reach the audit log.
    let began = Instant::now();
    let path = "/api/v1/audit?action=circuit.controlled";
    loop {
        let events = server.get(path, &admin).await.expect(200).json();
        let events = events["data"].as_array().unwrap();
        let isolated = events.iter().find(|event| event["details"]["action"] == "isolate");
        if let Some(event) = isolated {
            assert_eq!((&event["actor"], &event["target"]), (&json!("admin"), &json!("domains")));
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "not in the audit log: {events:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[actix_web::test]
async fn administrator_who_is_known_to_have_lost_access_is_refused_during_outage() {
    let (proxy, server, admin) = start(&OPTIONS).await;
    let mut tokens = Vec::new();
    for name in ["demoted", "suspended", "deleted", "restored"] {
        let (id, _) = server.user(&admin, name, "admin").await;
        tokens.push((name, id, unused(&server, name, PASSWORD).await));
    }
    for (name, id, _) in &tokens {
        let path = format!("/api/auth/users/{id}");
        let change = async |body: Value| server.put(&path, &admin, &body).await.expect(200);
        match *name {
            "demoted" => drop(change(json!({"role": "viewer"})).await),
            "suspended" => drop(change(json!({"status": "suspended"})).await),
            "deleted" => drop(server.delete(&path, &admin).await.expect(200)),
            _ => {
                change(json!({"role": "viewer"})).await;
                change(json!({"role": "admin"})).await;
            }
        }
    }
    let logged_out = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let refresh = json!({"refresh_token": refresh_token(&logged_out)});
    server.post("/api/auth/logout", "", &refresh).await.expect(200);
    tokens.push(("logged out", String::new(), token(&logged_out)));
    // Tokens tell the second of their issue: the next ones are later than the invalidations.
    server.advance(2);
    let again = unused(&server, "restored", PASSWORD).await;
    break_off(&proxy, &server).await;
    for (name, _, token) in &tokens {
        let refused = server.get(BREAKERS, token).await;
        assert_eq!(refused.status, 503, "{name}: {}", refused.text);
        control(&server, token, "auth", "close").await.expect_error(503, "DATABASE_ERROR");
    }
    assert_eq!(acceptances(&server).len(), 0);
    server.get(BREAKERS, &again).await.expect(200);
}

/// That nothing can be asked is not enough: the circuit must not be closed.
#[actix_web::test]
async fn claims_are_not_accepted_while_the_circuit_is_closed() {
    let never_opens = ["--db-connection-timeout", "1000", "--circuit-breaker-enabled", "false"];
    let (proxy, server, _) = start(&never_opens).await;
    let fresh = unused(&server, "admin", ADMIN_PASSWORD).await;
    proxy.close();
    for _ in 0..5 {
        server.get(BREAKERS, &fresh).await.expect_error(503, "DATABASE_ERROR");
        control(&server, &fresh, "metrics", "isolate").await.expect_error(503, "DATABASE_ERROR");
    }
    assert_eq!(status(&server, Circuit::Auth).await, "closed");
    assert_eq!(acceptances(&server).len(), 0);
    proxy.open();
    server.get(BREAKERS, &fresh).await.expect(200);
}

/// Isolated by mistake, the circuit of authentication refuses everyone: its administrators get in.
#[actix_web::test]
async fn isolated_authentication_circuit_can_be_closed_with_an_unused_token() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.settled().await;
    let fresh = unused(&server, "admin", ADMIN_PASSWORD).await;
    control(&server, &admin, "auth", "isolate").await.expect(200);
    server.get("/api/auth/users", &fresh).await.expect_error(503, "DATABASE_ERROR");
    control(&server, &fresh, "auth", "close").await.expect(200);
    server.get("/api/auth/users", &fresh).await.expect(200);
}
