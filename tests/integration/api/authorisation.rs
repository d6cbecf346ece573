//! Every operation of the `OpenAPI` document is sent as every kind of caller, and the outcome is
//! compared with `docs/authorisation.md`. A new operation or rule changes that table, and its diff
//! shows who gains access.
//!
//! `MDL_WRITE_EXPECTED=1` writes the table anew; read the diff before you commit it.

use std::fmt::Write;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, PASSWORD, Server, refresh_token, token};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/authorisation.md");
const SCOPES: [&str; 7] = [
    "metrics:read",
    "metrics:write",
    "domains:read",
    "domains:write",
    "objectives:read",
    "objectives:write",
    "admin",
];
const HEAD: &str = "\
# Who may do what

Every operation, tried as every kind of caller. Written and checked by the test `authorisation` \
(`tests/integration/api/authorisation.rs`).

- **yes**: the caller gets as far as the operation itself. The request is made so that it then \
fails on its body or on an id
  that does not exist, where that is possible.
- **401**, **403**: refused for who it is. **404**: refused as if it did not exist.
- The columns with a scope are API keys of an administrator with just that scope; *editor's key* \
has all scopes that an editor
  may give. *foreign* is an editor on another user's user, session or key. *ended* are, each with \
  the same outcome: the access
  token of a suspended user, of a deleted user, of a closed session, one that has expired, a \
  refresh token used as access
  token, a revoked key, an expired key, and a key of a suspended user.

While the database is unavailable, callers whose session or key is cached may do what they could
before, as far as it needs no database; all others get 503. There is one exception: the two
operations on `/health/circuit-breakers` accept the claims of an administrator's valid access token
while the circuit `auth` is not closed ([security.md](security.md) has the conditions and the risk).
Over the admin socket (`mdl circuits`) the same two operations need no credential. It has one \
more in the embedded mode, which sends a copy of the data (`mdl backup`).

";

/// The credentials of a caller.
enum Credential {
    None,
    Token(String),
    Key(String),
}

impl Credential {
    fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::Token(token) => Some(("authorization", format!("Bearer {token}"))),
            Self::Key(key) => Some(("x-api-key", key.clone())),
        }
    }
}

/// The values of path parameters.
struct Ids {
    user: String,
    session: String,
    key: String,
    unknown: bool,
}

impl Ids {
    fn unknown() -> Self {
        let id = || Uuid::now_v7().to_string();
        Self { user: id(), session: id(), key: id(), unknown: true }
    }

    fn fill(&self, path: &str) -> String {
        let id = match path {
            path if path.contains("/users/") => &self.user,
            path if path.contains("/sessions/") => &self.session,
            path if path.contains("/api-keys/") => &self.key,
            _ => "nothing",
        };
        path.replace("{id}", id).replace("{name}", "nothing")
    }

    fn applies_to(path: &str) -> bool {
        path.contains('{')
            && ["/users/", "/sessions/", "/api-keys/"].iter().any(|part| path.contains(part))
    }
}

async fn attempt(
    server: &Server,
    (method, path): (&str, &str),
    caller: &Credential,
    ids: &Ids,
) -> String {
    let foreign = !ids.unknown;
    let header = caller.header();
    let headers: Vec<(&str, &str)> =
        header.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Renaming needs a body that is valid, so that the key is looked up.
    let body = if path.ends_with("/api-keys/{id}") { r#"{"name":"x"}"# } else { "{}" };
    let body = matches!(method, "put" | "patch" | "post")
        .then(|| ("application/json", body.as_bytes().to_vec()));
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let answer: Answer = server.send(method.clone(), &ids.fill(path), "", &headers, body).await;
    match answer.status {
        status @ (401 | 403) => status.to_string(),
        404 if foreign => "404".into(),
        429 | 500..=599 => panic!("{method} {path}: {} {}", answer.status, answer.text),
        _ => "yes".into(),
    }
}

/// Returns all operations of the document in their order.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::to_value(mdl::http::server::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    paths
        .iter()
        .flat_map(|(path, item)| methods(item).into_iter().map(|method| (method, path.clone())))
        .collect()
}

async fn log_in(server: &Server, name: &str) -> Credential {
    Credential::Token(token(&server.login(name, PASSWORD).await.expect(200)))
}

#[actix_web::test]
async fn each_operation_is_authorised_as_documented() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let admin = server.admin().await;
    let mut ended = Vec::new();

    // Expired credentials come first, because the clock moves.
    let (_, early) = server.user(&admin, "early", "admin").await;
    let short = json!({"name": "short", "scopes": SCOPES,
        "expires_at": server.clock.now() + chrono::TimeDelta::seconds(60)});
    ended.push(("expired token", Credential::Token(early.clone())));
    ended.push(("expired key", Credential::Key(server.create_key(&early, &short).await.1)));
    server.advance(1000);
    let admin = token(&server.login("admin", crate::support::ADMIN_PASSWORD).await.expect(200));
    for name in ["suspended", "deleted"] {
        let (id, token) = server.user(&admin, name, "admin").await;
        let (_, key) = server.key(&token, &SCOPES).await;
        let path = format!("/api/auth/users/{id}");
        if name == "suspended" {
            server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
        } else {
            server.delete(&path, &admin).await.expect(200);
        }
        ended.push((name, Credential::Token(token)));
        ended.push((name, Credential::Key(key)));
    }
    server.user(&admin, "deleted", "admin").await;
    let session = server.login("deleted", PASSWORD).await.expect(200);
    server
        .post("/api/auth/logout", "", &json!({"refresh_token": refresh_token(&session)}))
        .await
        .expect(200);
    ended.push(("closed session", Credential::Token(token(&session))));
    let session = server.login("deleted", PASSWORD).await.expect(200);
    ended.push(("refresh token", Credential::Token(refresh_token(&session))));
    let (id, revoked) = server.key(&token(&session), &SCOPES).await;
    server.delete(&format!("/api/auth/api-keys/{id}"), &token(&session)).await.expect(200);
    ended.push(("revoked key", Credential::Key(revoked)));

    // Valid callers. Keys belong to users of their own, because some operations revoke all keys of
    // the caller.
    let mut callers = vec![("anonymous".to_owned(), Credential::None)];
    for role in ["viewer", "editor", "admin"] {
        let name = format!("a_{role}");
        server.user(&admin, &name, role).await;
        callers.push((role.to_owned(), log_in(&server, &name).await));
    }
    let (_, owner) = server.user(&admin, "owner", "admin").await;
    for scope in SCOPES {
        callers.push((format!("`{scope}`"), Credential::Key(server.key(&owner, &[scope]).await.1)));
    }
    let (_, editor) = server.user(&admin, "key_editor", "editor").await;
    callers.push((
        "editor's key".to_owned(),
        Credential::Key(server.key(&editor, &SCOPES[..6]).await.1),
    ));

    // The owner of what `foreign` tries to use, and that caller.
    let (user, victim) = server.user(&admin, "victim", "editor").await;
    let (key, _) = server.key(&victim, &["metrics:read"]).await;
    let sessions = server.get("/api/auth/sessions", &victim).await.expect(200).json();
    let session = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    let theirs = Ids { user, session, key, unknown: false };
    server.user(&admin, "intruder", "editor").await;

    let mut table = HEAD.to_owned();
    let names: Vec<&str> =
        callers.iter().map(|(name, _)| name.as_str()).chain(["foreign", "ended"]).collect();
    writeln!(table, "| operation | {} |", names.join(" | ")).unwrap();
    writeln!(table, "| --- |{}", " --- |".repeat(names.len())).unwrap();
    for (method, path) in operations() {
        let operation = (method.as_str(), path.as_str());
        let mut cells = Vec::new();
        for (_, caller) in &callers {
            cells.push(attempt(&server, operation, caller, &Ids::unknown()).await);
        }
        if Ids::applies_to(&path) {
            // A new session for each operation, because ending all others would end it.
            let intruder = log_in(&server, "intruder").await;
            cells.push(attempt(&server, operation, &intruder, &theirs).await);
        } else {
            cells.push("–".into());
        }
        let mut outcomes = Vec::new();
        for (name, caller) in &ended {
            outcomes.push((*name, attempt(&server, operation, caller, &Ids::unknown()).await));
        }
        let same = outcomes.iter().all(|(_, outcome)| *outcome == outcomes[0].1);
        assert!(
            same,
            "{method} {path}: not the same for all whose authority has ended: {outcomes:?}"
        );
        cells.push(outcomes[0].1.clone());
        writeln!(table, "| {} {path} | {} |", method.to_uppercase(), cells.join(" | ")).unwrap();
    }
    // The owner still has everything.
    server.get("/api/auth/me", &victim).await.expect(200);
    let keys = server.get("/api/auth/api-keys?status=active", &victim).await.expect(200).json();
    assert_eq!(keys["count"], 1);

    if std::env::var_os("MDL_WRITE_EXPECTED").is_some() {
        std::fs::write(TABLE, &table).unwrap();
    }
    let expected = std::fs::read_to_string(TABLE).unwrap_or_default();
    for (line, (now, then)) in table.lines().zip(expected.lines()).enumerate() {
        assert_eq!(now, then, "docs/authorisation.md, line {}", line + 1);
    }
    assert_eq!(
        table.lines().count(),
        expected.lines().count(),
        "docs/authorisation.md has other operations"
    );
}
