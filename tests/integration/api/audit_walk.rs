//! Calls every writing operation of the `OpenAPI` document: each has its row in the audit log. A
//! new operation fails the test until it is called here; `audit_walk_refused` has the refusals.

use std::collections::BTreeSet;

use mdl::credentials::digest::fingerprint;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{
    Answer, PASSWORD, Server, database, json_body, key_in, merge_body, refresh_token, token,
};

pub const NEW: &str = "another password for tests";
const COLUMNS: &str = "action, outcome, coalesce(actor, '-'), coalesce(target, '-'), channel, \
                       address, server_request_id::text, coalesce(credential, '-')";

/// The operations that were called so far.
pub struct Walk {
    pub server: Server,
    pub visited: BTreeSet<String>,
    steps: usize,
}

/// The expected row.
pub struct Row<'a> {
    action: &'a str,
    outcome: &'a str,
    actor: &'a str,
    target: &'a str,
    channel: &'a str,
}

pub fn done<'a>(action: &'a str, actor: &'a str, target: &'a str) -> Row<'a> {
    Row { action, outcome: "success", actor, target, channel: "api" }
}

pub fn refused<'a>(action: &'a str, actor: &'a str, target: &'a str) -> Row<'a> {
    Row { outcome: "refused", ..done(action, actor, target) }
}

impl Walk {
    /// Calls an operation, by its pattern in the document, and finds its row by the request id.
    pub async fn step(
        &mut self,
        operation: &str,
        id: &str,
        credential: &str,
        body: Option<Value>,
        status: u16,
        row: Row<'_>,
    ) -> Answer {
        self.visited.insert(operation.to_owned());
        self.steps += 1;
        let (method, pattern) = operation.split_once(' ').unwrap();
        let path = pattern.replace("{id}", id).replace("{name}", id);
        let name = format!("step-{}", self.steps);
        let key = if credential.starts_with("mdl_") { credential } else { "" };
        let bearer = if key.is_empty() { credential } else { "" };
        let mut headers = vec![("x-request-id", name.as_str())];
        if !key.is_empty() {
            headers.push(("x-api-key", key));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let is_merge = operation.starts_with("PATCH /api/v1/");
        let body = body.as_ref().map(if is_merge { merge_body } else { json_body });
        let answer = self.server.send(method, &path, bearer, &headers, body).await.expect(status);
        assert_eq!(answer.header("x-request-id"), name);
        let credential = match (key, bearer) {
            ("", "") => "-",
            ("", _) => "session",
            _ => "api_key",
        };
        self.find(operation, &name, credential, &row).await;
        answer
    }

    async fn find(&self, operation: &str, name: &str, credential: &str, row: &Row<'_>) {
        let (action, url) = (row.action, &self.server.database_url);
        let found = format!("request_id = '{name}' AND action = '{action}'");
        if row.outcome == "refused"
            || ["circuit.controlled", "user.password_reset_requested"].contains(&action)
        {
            mdl::http::auditing::flush(&self.server.state(), true).await;
            let written = format!("SELECT count(*) > 0 FROM audit_events WHERE {found}");
            database::until(url, &written).await;
        }
        let query = format!("SELECT {COLUMNS} FROM audit_events WHERE {found}");
        let rows = database::sql(url, &query).await;
        assert_eq!(rows.len(), 1, "{operation}: {action} of {name}: {rows:?}");
        let columns: Vec<&str> = rows[0].iter().map(String::as_str).collect();
        let expected = [row.action, row.outcome, row.actor, row.target, row.channel, "127.0.0.1"];
        assert_eq!(columns[..6], expected, "{operation}");
        assert_eq!(uuid::Uuid::parse_str(columns[6]).unwrap().get_version_num(), 7, "{operation}");
        assert_eq!(columns[7], credential, "{operation}");
    }

    /// Fails unless every operation that writes was visited.
    pub async fn complete(&self) {
        let document = self.server.get("/api-docs/openapi.json", "").await.expect(200).json();
        let mut writing = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|method| *method != "get") {
                writing.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        assert_eq!(writing, self.visited, "operations and steps differ");
    }
}

pub async fn walk() -> (Walk, String) {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let admin = server.admin().await;
    (Walk { server, visited: BTreeSet::new(), steps: 0 }, admin)
}

#[actix_web::test]
async fn every_writing_operation_has_its_audit_row() {
    let (mut walk, admin) = walk().await;
    let person = json!({"username": "eva", "email": "eva@example.com", "password": PASSWORD,
        "full_name": "Eva"});
    let row = done("user.registered", "eva", "eva");
    walk.step("POST /api/auth/register", "", "", Some(person), 201, row).await;
    let login = || Some(json!({"username": "eva", "password": PASSWORD}));
    let started = || done("session.started", "eva", "eva");
    let first = walk.step("POST /api/auth/login", "", "", login(), 200, started()).await;
    let refresh = json!({"refresh_token": refresh_token(&first)});
    let refreshed = walk.server.post("/api/auth/refresh", "", &refresh).await.expect(200);
    walk.server.advance(60);
    let row = refused("session.reuse_detected", "-", "eva");
    walk.step("POST /api/auth/refresh", "", "", Some(refresh), 401, row).await;
    walk.server.get("/api/auth/me", &token(&refreshed)).await.expect(401);
    let second = walk.step("POST /api/auth/login", "", "", login(), 200, started()).await;
    let body = json!({"refresh_token": refresh_token(&second)});
    let row = done("session.ended", "eva", "eva");
    walk.step("POST /api/auth/logout", "", "", Some(body), 200, row).await;
    let (eva, other) = (
        token(&walk.server.login("eva", PASSWORD).await),
        walk.server.login("eva", PASSWORD).await,
    );
    let sessions = walk.server.get("/api/auth/sessions", &eva).await.expect(200).json();
    let not_current = sessions["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["current"] == false)
        .unwrap();
    let id = not_current["id"].as_str().unwrap().to_owned();
    let row = done("session.ended", "eva", "eva");
    walk.step("DELETE /api/auth/sessions/{id}", &id, &eva, None, 200, row).await;
    walk.server.get("/api/auth/me", &token(&other)).await.expect(401);
    walk.server.login("eva", PASSWORD).await.expect(200);
    let row = done("session.ended", "eva", "eva");
    walk.step("DELETE /api/auth/sessions", "", &eva, None, 200, row).await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    let row = done("user.password_changed", "eva", "eva");
    walk.step("POST /api/auth/change-password", "", &eva, Some(change), 200, row).await;
    let row = done("user.password_reset_requested", "-", "eva");
    let body = json!({"email": "Eva@example.com"});
    walk.step("POST /api/auth/password-reset/request", "", "", Some(body), 202, row).await;
    let reset = format!(
        "INSERT INTO password_resets SELECT '{}', user_id, now() - interval '1 minute', \
         now() + interval '30 minutes' \
         FROM users WHERE username = 'eva'",
        fingerprint("token of a mail")
    );
    database::sql(&walk.server.database_url, &reset).await;
    let body = json!({"token": "token of a mail", "new_password": PASSWORD});
    let row = Row { channel: "mail", ..done("user.password_changed", "eva", "eva") };
    walk.step("POST /api/auth/password-reset/confirm", "", "", Some(body), 200, row).await;

    users_and_keys(&mut walk, &admin).await;
    catalogue(&mut walk, &admin).await;
    let row = done("circuit.controlled", "admin", "metrics");
    let body = json!({"action": "reset", "reason": "exercise"});
    walk.step("POST /health/circuit-breakers/{name}", "metrics", &admin, Some(body), 200, row)
        .await;
    walk.complete().await;
    rows_equal_log_events(&walk.server).await;
    nothing_secret(
        &walk.server,
        &[PASSWORD, NEW, "token of a mail", &refresh_token(&first), &admin],
    )
    .await;
}

async fn users_and_keys(walk: &mut Walk, admin: &str) {
    let body = json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD,
        "full_name": "Bob"});
    let row = done("user.created", "admin", "bob");
    let bob = walk.step("POST /api/auth/users", "", admin, Some(body), 201, row).await.json();
    let id = bob["user"]["user_id"].as_str().unwrap().to_owned();
    let body = json!({"email": "robert@example.com", "role": "editor", "full_name": "Bob",
        "metadata": {"team": "x"}});
    let row = done("user.updated", "admin", "bob");
    walk.step("PUT /api/auth/users/{id}", &id, admin, Some(body), 200, row).await;
    let changes = "SELECT changes::text FROM audit_events WHERE action = 'user.updated'";
    let changes: Value =
        serde_json::from_str(&database::sql(&walk.server.database_url, changes).await[0][0])
            .unwrap();
    let expected = json!({
        "email": {"from": "bob@example.com", "to": "robert@example.com"},
        "role": {"from": "viewer", "to": "editor"}, "metadata": {}
    });
    assert_eq!(changes, expected);
    let bob = token(&walk.server.login("bob", PASSWORD).await.expect(200));
    let draft = || Some(json!({"name": "ci", "scopes": ["metrics:read"]}));
    let keys = "/api/auth/api-keys";
    let row = done("api_key.created", "bob", "ci");
    let (key, _) = key_in(&walk.step(&format!("POST {keys}"), "", &bob, draft(), 201, row).await);
    let row = done("api_key.updated", "bob", "renamed");
    walk.step(
        &format!("PATCH {keys}/{{id}}"),
        &key,
        &bob,
        Some(json!({"name": "renamed"})),
        200,
        row,
    )
    .await;
    let row = done("api_key.rotated", "bob", "renamed");
    walk.step(
        &format!("POST {keys}/{{id}}/rotate"),
        &key,
        &bob,
        Some(json!({"grace_minutes": 5})),
        201,
        row,
    )
    .await;
    let row = done("api_key.revoked", "admin", "renamed");
    walk.step(&format!("DELETE {keys}/{{id}}"), &key, admin, None, 200, row).await;
    let row = done("api_key.revoked", "bob", "renamed");
    walk.step(&format!("DELETE {keys}"), "", &bob, None, 200, row).await;
    let row = done("user.deleted", "admin", "bob");
    walk.step("DELETE /api/auth/users/{id}", &id, admin, None, 200, row).await;
}

async fn catalogue(walk: &mut Walk, admin: &str) {
    let (_, key) = walk.server.key(admin, &["domains:write", "metrics:write"]).await;
    let row = done("domain.created", "admin", "d1");
    let body = json!({"domain_id": "d1", "name": "Finance"});
    walk.step("POST /api/v1/domains", "", &key, Some(body), 201, row).await;
    let row = done("domain.updated", "admin", "d1");
    walk.step("PUT /api/v1/domains/{id}", "d1", admin, Some(json!({"color": "#123456"})), 200, row)
        .await;
    let row = done("domain.updated", "admin", "d1");
    let merge = Some(json!({"tier_focus": {"Tier-1": "a"}}));
    walk.step("PATCH /api/v1/domains/{id}", "d1", admin, merge, 200, row).await;
    let row = done("domain.restored", "admin", "d1");
    let version = Some(json!({"version": 1}));
    walk.step("POST /api/v1/domains/{id}/restore", "d1", admin, version, 200, row).await;
    let row = done("metric.created", "admin", "m");
    walk.step("POST /api/v1/metrics", "", admin, Some(metric("m")), 201, row).await;
    let row = done("metric.updated", "admin", "m");
    walk.step("PUT /api/v1/metrics/{id}", "m", &key, Some(json!({"name": "Other"})), 200, row)
        .await;
    let row = done("metric.updated", "admin", "m");
    let merge = Some(json!({"definition": {"unit": "EUR"}}));
    walk.step("PATCH /api/v1/metrics/{id}", "m", &key, merge, 200, row).await;
    let row = done("metric.restored", "admin", "m");
    let version = Some(json!({"version": "1.0.0"}));
    walk.step("POST /api/v1/metrics/{id}/restore", "m", &key, version, 200, row).await;
    let row = done("metric.deleted", "admin", "m");
    walk.step("DELETE /api/v1/metrics/{id}", "m", admin, None, 200, row).await;
    let row = done("domain.deleted", "admin", "d1");
    walk.step("DELETE /api/v1/domains/{id}", "d1", admin, None, 200, row).await;
    let row = done("catalogue.imported", "admin", "catalogue");
    let body = json!({"domains": [{"domain_id": "d3", "name": "Three"}]});
    walk.step("POST /api/v1/import", "", admin, Some(body), 200, row).await;
}

/// Each row is one log event, and each event is one row.
pub async fn rows_equal_log_events(server: &Server) {
    mdl::http::auditing::flush(&server.state(), true).await;
    let rows = "SELECT event_id, action FROM audit_events ORDER BY event_id";
    // Rows of the last request are logged after its response was sent.
    for _ in 0..100 {
        let rows = database::sql(&server.database_url, rows).await;
        let mut events: Vec<Vec<String>> = server
            .logs
            .lines()
            .iter()
            .filter(|line| line["msg"] == "audit")
            .map(|line| {
                vec![line["event_id"].to_string(), line["action"].as_str().unwrap().to_owned()]
            })
            .collect();
        events.sort_by_key(|event| event[0].parse::<i64>().unwrap());
        if events == rows {
            return;
        }
        assert!(events.len() <= rows.len(), "{events:?}\n{rows:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("rows without a log event: {:?}", database::sql(&server.database_url, rows).await);
}

/// No secret, and no hash of one, is in a row or in an event.
pub async fn nothing_secret(server: &Server, secrets: &[&str]) {
    let rows = "SELECT to_jsonb(audit_events)::text FROM audit_events";
    let rows = database::sql(&server.database_url, rows).await;
    let hashes = "SELECT token_hash FROM sessions UNION ALL SELECT key_hash FROM api_keys \
                  UNION ALL SELECT password_hash FROM users \
                  UNION ALL SELECT token_hash FROM password_resets";
    let hashes = database::sql(&server.database_url, hashes).await.concat();
    assert!(hashes.len() > 5);
    let text = format!("{rows:?}{}", server.logs.text());
    for secret in secrets.iter().copied().chain(hashes.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "a secret is in the audit log");
    }
}
