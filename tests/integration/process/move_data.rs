//! `mdl move`: everything goes from the embedded mode to a `PostgreSQL` server, where the service
//! continues with the same users, sessions and keys; and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::process::binary::{Serving, command, failure, run, success};
use crate::support::database;

/// The rules that are suspended while rows arrive, and their state.
const RULES: &str = "SELECT tgname, tgenabled, tgdeferrable, tginitdeferred FROM pg_trigger \
    UNION ALL SELECT conname, contype, condeferrable, condeferred \
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2";

fn mdl(folder: &Path, arguments: &[&str], url: &str) -> std::process::Output {
    let mut command = command(folder, arguments);
    if !url.is_empty() {
        command.env("DATABASE_URL", url);
    }
    run(command, "")
}

/// Sends a request that must be answered with this status.
async fn send(
    serving: &Serving,
    (method, path): (Method, &str),
    (header, credential): (&str, &str),
    body: &Value,
    status: u16,
) -> Value {
    let request = serving.http.request(method, format!("{}{path}", serving.base));
    let repeated = path.replace('/', "-");
    let request = request.header(header, credential).header("idempotency-key", repeated);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    let (found, answer) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    assert_eq!(found, status, "{path}: {answer}");
    answer
}

/// Creates what is in no sample: a changed and a deleted item, and a key that replaces another.
/// Returns the key, and the refresh token of a session.
async fn add_data(serving: &Serving, bearer: &str, password: &str) -> (String, String) {
    let caller = ("authorization", bearer);
    let domain = json!({"domain_id": "gone", "name": "Gone"});
    send(serving, (Method::POST, "/api/v1/domains"), caller, &domain, 201).await;
    send(serving, (Method::DELETE, "/api/v1/domains/gone"), caller, &json!(null), 200).await;
    // Texts that a row must keep as they are.
    let change = json!({"tags": ["a,b", "(c)", "\"d\"", "\\e\\", "ä𝄞"],
        "description": "1 < 2, \"quoted\" (and) \\back\\, ''\n next line"});
    let metric = "/api/v1/metrics/customer_churn_rate";
    send(serving, (Method::PUT, metric), caller, &change, 200).await;
    let key = json!({"name": "k", "scopes": ["metrics:read"]});
    let key = send(serving, (Method::POST, "/api/auth/api-keys"), caller, &key, 201).await;
    let rotate = format!("/api/auth/api-keys/{}/rotate", key["key_info"]["id"].as_str().unwrap());
    let key = send(serving, (Method::POST, &rotate), caller, &json!({}), 201).await;
    let login = json!({"username": "admin", "password": password});
    let login = send(serving, (Method::POST, "/api/auth/login"), ("x", ""), &login, 200).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&key["api_key"]), text(&login["tokens"]["refresh_token"]))
}

/// Returns what an administrator reads.
async fn content(serving: &Serving, token: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for path in [
        "/api/v1/metrics?limit=100",
        "/api/v1/metrics?search=churn",
        "/api/v1/domains",
        "/api/v1/metrics/customer_churn_rate/history",
        "/api/v1/metrics/customer_churn_rate/versions/1.0.0",
        "/api/v1/metrics/customer_churn_rate/impact",
        "/api/v1/changes?limit=100",
        "/api/auth/api-keys",
        "/api/auth/users",
    ] {
        let answer = serving.get(path, token).await;
        assert_eq!(answer["success"], true, "{path}: {answer}");
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn service_continues_on_a_server_with_everything_that_was_moved() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path();
    let mut first = Serving::start(folder, &[], &["--sample"]).await;
    let password = std::fs::read_to_string(folder.join("data/first-admin-password")).unwrap();
    let token = first.login(password.trim_end()).await;
    let bearer = format!("Bearer {token}");
    let (key, refresh) = add_data(&first, &bearer, password.trim_end()).await;
    let before = content(&first, &token).await;
    let url = database::empty().await;
    success(&mdl(folder, &["migrate"], &url));
    let refused = failure(&mdl(folder, &["move"], &url));
    assert!(refused.contains("another process uses") && refused.contains("stop it first"));
    assert_eq!(first.terminate(), Some(0));

    let rules = database::sql(&url, RULES).await;
    let said = success(&mdl(folder, &["move", "--to", &url, "--secrets", "secrets"], ""));
    assert!(said.contains("both databases compared: equal"), "{said}");
    assert!(said.lines().any(|line| line.trim() == "1  users"), "{said}");
    assert_eq!(database::sql(&url, RULES).await, rules);
    let mode =
        |path: &str| std::fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/jwt-secret")), (0o700, 0o600));

    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET_FILE", "secrets/jwt-secret"),
        ("JWT_REFRESH_SECRET_FILE", "secrets/jwt-refresh-secret"),
    ];
    let mut second = Serving::start(folder, &environment, &[]).await;
    assert_eq!(content(&second, &token).await, before);
    send(&second, (Method::GET, "/api/v1/metrics"), ("x-api-key", &key), &json!(null), 200).await;
    let body = json!({"refresh_token": refresh});
    send(&second, (Method::POST, "/api/auth/refresh"), ("x", ""), &body, 200).await;
    let token_there = second.login(password.trim_end()).await;
    // It goes on where the embedded mode has ended: versions, positions of changes, ids of events.
    let caller = ("authorization", &*bearer);
    let change = json!({"name": "Renamed"});
    let domains = before[2]["data"].as_array().unwrap();
    let path = format!("/api/v1/domains/{}", domains[0]["domain_id"].as_str().unwrap());
    send(&second, (Method::PUT, &path), caller, &change, 200).await;
    let changes = second.get("/api/v1/changes?limit=100", &token_there).await;
    let (old, new) = (before[6]["data"].as_array().unwrap(), changes["data"].as_array().unwrap());
    assert!(new.len() > old.len() && new.starts_with(old), "{changes}");
    let audit = second.get("/api/v1/audit?action=api_key.created", &token_there).await;
    assert_eq!(audit["data"].as_array().map(Vec::len), Some(1), "{audit}");
    assert_eq!(second.terminate(), Some(0));

    // The source is as it was, and a second time is refused.
    let refused = failure(&mdl(folder, &["move", "--to", &url], ""));
    assert!(refused.contains("the target has rows in "), "{refused}");
    let mut third = Serving::start(folder, &[], &[]).await;
    assert_eq!(content(&third, &token).await, before);
    assert_eq!(third.terminate(), Some(0));
}

#[tokio::test]
async fn unsuitable_targets_and_sources_are_refused() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path();
    let url = database::empty().await;
    let refused = |arguments: &[&str], url: &str, code| {
        let output = mdl(folder, arguments, url);
        assert_eq!(output.status.code(), Some(code));
        failure(&output)
    };
    assert!(refused(&["move"], &url, 1).contains("data has no database"));
    assert!(!folder.join("data").exists());
    assert!(refused(&["move"], "", 2).contains("name the target with --to or DATABASE_URL"));
    let shown = "postgres://postgres:very-secret@localhost/mdl";
    let message = refused(&["move", "--to", shown], "", 2);
    assert!(message.contains("must not have a password") && !message.contains("very-secret"));
    assert!(refused(&["move", "--to", "mysql://x/y"], "", 2).starts_with("mdl: --to: "));

    let mut source = Serving::start(folder, &[], &[]).await;
    assert_eq!(source.terminate(), Some(0));
    std::fs::create_dir(folder.join("there")).unwrap();
    assert!(refused(&["move", "--secrets", "there"], &url, 2).contains("there exists"));
    assert!(refused(&["move"], &url, 1).contains("target: the schema is older"));
    success(&mdl(folder, &["migrate"], &url));
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')";
    database::sql(&url, newer).await;
    assert!(refused(&["move"], &url, 1).contains("target: the schema is of a newer version"));
    database::sql(&url, "DELETE FROM __diesel_schema_migrations WHERE version LIKE '2999%'").await;

    database::sql(&url, "ALTER TABLE sessions ADD COLUMN extra text").await;
    assert!(refused(&["move"], &url, 1).contains("sessions has other columns"));
    database::sql(&url, "ALTER TABLE sessions DROP COLUMN extra").await;
    let (_, service) = database::service_role(&url).await;
    assert!(refused(&["move"], &service, 1).contains("connect as the owner of the schema"));
    let row = "INSERT INTO business_domains (domain_id, name, version, created_at, updated_at) \
               VALUES ('d', 'D', 1, now(), now())";
    database::sql(&url, row).await;
    assert!(refused(&["move", "--secrets", "new"], &url, 1).contains("rows in business_domain"));
    assert!(!folder.join("new").exists());
    // Nothing of a refused move is there, and the target can still be used.
    let clear = "DELETE FROM business_domains; DELETE FROM business_domain_snapshots; \
                 DELETE FROM deleted_business_domains";
    database::sql(&url, clear).await;
    assert_eq!(database::sql(&url, "SELECT count(*) FROM users").await[0][0], "0");
    success(&mdl(folder, &["move"], &url));
}
