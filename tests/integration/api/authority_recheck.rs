//! Authority that ends or shrinks while a request waits, for its body or for a lock, is not used
//! any more.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::database::{self, sql};
use crate::support::proxy::Proxy;
use crate::support::raw::RawAnswer;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, refresh_token, token};

/// An administrator to be revoked.
struct Victim {
    id: String,
    name: String,
    token: String,
    refresh: String,
    key_id: String,
    key: String,
}

async fn victim(server: &Server, admin: &str, number: usize) -> Victim {
    let name = format!("victim{number}");
    let (id, _) = server.user(admin, &name, "admin").await;
    let login = server.login(&name, PASSWORD).await.expect(200);
    let scopes = ["metrics:read", "metrics:write", "domains:write", "admin"];
    let (key_id, key) = server.key(&token(&login), &scopes).await;
    Victim { id, name, token: token(&login), refresh: refresh_token(&login), key_id, key }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Password,
    Suspension,
    Demotion,
    LogOut,
    Deletion,
    EndedSession,
    RevokedKey,
    LostScope,
}

const ENDS_OF_SESSIONS: [End; 6] =
    [End::Password, End::Suspension, End::Demotion, End::LogOut, End::Deletion, End::EndedSession];
const ENDS_OF_KEYS: [End; 6] =
    [End::Password, End::Suspension, End::Demotion, End::Deletion, End::RevokedKey, End::LostScope];

impl End {
    async fn make(self, server: &Server, admin: &str, victim: &Victim) {
        let user = format!("/api/auth/users/{}", victim.id);
        match self {
            Self::Suspension => server.put(&user, admin, &json!({"status": "suspended"})).await,
            Self::Demotion => server.put(&user, admin, &json!({"role": "viewer"})).await,
            Self::Deletion => server.delete(&user, admin).await,
            Self::LogOut => {
                server.post("/api/auth/logout", "", &json!({"refresh_token": victim.refresh})).await
            }
            Self::RevokedKey => {
                server.delete(&format!("/api/auth/api-keys/{}", victim.key_id), admin).await
            }
            Self::EndedSession => {
                let other = token(&server.login(&victim.name, PASSWORD).await.expect(200));
                server.delete("/api/auth/sessions", &other).await
            }
            Self::Password => {
                let other = token(&server.login(&victim.name, PASSWORD).await.expect(200));
                let change =
                    json!({"current_password": PASSWORD, "new_password": "another good password"});
                server.post("/api/auth/change-password", &other, &change).await
            }
            Self::LostScope => {
                let narrow = "UPDATE api_keys SET scopes = '[\"metrics:read\"]' WHERE key_id = ";
                sql(&server.database_url, &format!("{narrow}'{}'", victim.key_id)).await;
                return;
            }
        }
        .expect(200);
    }

    fn expected(self) -> u16 {
        if matches!(self, Self::Demotion | Self::LostScope) { 403 } else { 401 }
    }
}

/// Everything that the held requests would write.
async fn written(server: &Server) -> Vec<Vec<String>> {
    sql(
        &server.database_url,
        "SELECT (SELECT count(*) FROM users WHERE username = 'held'), (SELECT count(*) FROM api_keys WHERE name = 'held'), \
         (SELECT count(*) FROM metrics WHERE metric_id = 'held'), \
         (SELECT count(*) FROM business_domains WHERE domain_id = 'held'), \
         (SELECT version FROM metrics WHERE metric_id = 'm1')",
    )
    .await
}

fn user() -> Value {
    json!({"username": "held", "email": "held@example.com", "password": PASSWORD, "full_name": "H", "role": "admin"})
}

fn requests() -> Vec<(&'static str, &'static str, Value)> {
    let domain = json!({"domain_id": "held", "name": "Held"});
    vec![
        ("POST", "/api/v1/metrics", metric("held")),
        ("PUT", "/api/v1/metrics/m1", json!({"tags": ["held"]})),
        ("POST", "/api/v1/domains", domain.clone()),
        ("POST", "/api/v1/import", json!({"domains": [domain], "metrics": []})),
        (
            "POST",
            "/health/circuit-breakers/metrics",
            json!({"action": "isolate", "reason": "held"}),
        ),
    ]
}

fn check(answer: &RawAnswer, end: End, what: &str) {
    assert_eq!(answer.status, end.expected(), "{what} after {end:?}: {}", answer.body);
}

#[actix_web::test]
async fn a_held_body_writes_nothing_after_its_session_has_ended() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let before = written(&server).await;
    for (number, end) in ENDS_OF_SESSIONS.into_iter().enumerate() {
        let victim = victim(&server, &admin, number).await;
        let own = [
            ("POST", "/api/auth/api-keys", json!({"name": "held", "scopes": ["metrics:write"]})),
            ("POST", "/api/auth/users", user()),
        ];
        let mut held = Vec::new();
        for (method, path, body) in requests().into_iter().chain(own) {
            held.push((path, server.hold(method, path, &victim.token, &body).await));
        }
        end.make(&server, &admin, &victim).await;
        for (path, request) in held {
            check(&request.finish().await, end, path);
        }
        assert_eq!(written(&server).await, before, "{end:?}");
    }
    let circuits = server.get("/health/circuit-breakers", &admin).await.expect(200).json();
    assert_eq!(circuits["breakers"]["metrics"]["status"], "closed");
}

#[actix_web::test]
async fn a_held_body_writes_nothing_after_its_key_has_ended() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let before = written(&server).await;
    for (number, end) in ENDS_OF_KEYS.into_iter().enumerate() {
        let victim = victim(&server, &admin, number).await;
        let mut held = Vec::new();
        for (method, path, body) in requests() {
            held.push((path, server.hold(method, path, &victim.key, &body).await));
        }
        end.make(&server, &admin, &victim).await;
        // What was changed by hand is announced, too; requests for circuits are judged by the
        // cache.
        if end == End::LostScope {
            server.state().end(mdl::model::authority::Concern::All).await;
        }
        for (path, request) in held {
            check(&request.finish().await, end, path);
        }
        assert_eq!(written(&server).await, before, "{end:?}");
    }
}

/// The catalogue's locks may be held for long: nothing that ends authority waits for them, and who
/// waited for them is asked again.
#[actix_web::test]
async fn a_write_that_waited_for_the_catalogue_is_refused_after_the_end_of_its_session() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for (number, end) in ENDS_OF_SESSIONS.into_iter().enumerate() {
        let victim = victim(&server, &admin, number).await;
        let (client, connection) =
            tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT epoch FROM catalogue_epochs FOR UPDATE").await.unwrap();
        let write = server.delete("/api/v1/metrics/m1", &victim.token);
        let ending = async {
            database::until_locked(&server.database_url, 1, "%catalogue_epochs%").await;
            end.make(&server, &admin, &victim).await;
            client.batch_execute("COMMIT").await.unwrap();
        };
        let (answer, ()) = futures_util::future::join(write, ending).await;
        answer.expect(end.expected());
        server.get("/api/v1/metrics/m1", &admin).await.expect(200);
    }
}

#[actix_web::test]
async fn an_idempotent_answer_is_not_given_again_after_a_demotion() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let victim = victim(&server, &admin, 0).await;
    let body = metric("m1");
    let once = [("idempotency-key", "k")];
    let sent = || Some(crate::support::json_body(&body));
    server.send(Method::POST, "/api/v1/metrics", &victim.token, &once, sent()).await.expect(201);
    let (client, connection) =
        tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT epoch FROM catalogue_epochs FOR UPDATE").await.unwrap();
    let again = server.send(Method::POST, "/api/v1/metrics", &victim.token, &once, sent());
    let ending = async {
        database::until_locked(&server.database_url, 1, "%catalogue_epochs%").await;
        End::Demotion.make(&server, &admin, &victim).await;
        client.batch_execute("COMMIT").await.unwrap();
    };
    futures_util::future::join(again, ending).await.0.expect_error(403, "AUTHORIZATION_ERROR");
}

#[actix_web::test]
async fn circuits_are_controlled_from_the_cache_while_the_database_is_down() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    server.settled().await;
    server.get("/api/auth/me", &admin).await.expect(200);
    proxy.close();
    let isolate = json!({"action": "isolate", "reason": "the disk is full"});
    server.post("/health/circuit-breakers/metrics", &admin, &isolate).await.expect(200);
}
