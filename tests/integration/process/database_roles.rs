//! Roles, grants and schema versions: what DBAs meet when they set the service up.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, first_line, run, success};
use crate::support::database;
use crate::support::samples::metric;

/// Names for the roles of one test; roles belong to the cluster that all tests share.
fn roles(test: &str) -> [String; 3] {
    let id = std::process::id();
    ["owner", "service", "reader"].map(|role| format!("mdl_{role}_{test}_{id}"))
}

fn grant(url: &str, roles: &[String; 3]) {
    database::grant(url, roles.each_ref().map(String::as_str));
}

async fn allow_login(url: &str, roles: &[String; 3]) {
    for role in roles {
        database::sql(url, &format!("ALTER ROLE {role} LOGIN")).await;
    }
}

/// Returns the URL of the same database for another role.
fn as_role(url: &str, role: &str) -> String {
    let mut url = url::Url::parse(url).expect("a URL");
    url.set_username(role).expect("a user name");
    url.into()
}

fn migrate(folder: &Path, url: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = command(folder, &[&["migrate"], arguments].concat());
    command.env("DATABASE_URL", url);
    run(command, "")
}

#[tokio::test]
async fn service_runs_as_a_role_that_cannot_change_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (url, roles) = (database::empty().await, roles("run"));
    grant(&url, &roles);
    allow_login(&url, &roles).await;
    success(&migrate(folder.path(), &as_role(&url, &roles[0]), &[]));
    grant(&url, &roles);
    let service = as_role(&url, &roles[1]);
    // The same commands work for the service's role, because there is nothing to change.
    assert!(!success(&migrate(folder.path(), &service, &["--status"])).contains("[ ]"));
    assert_eq!(success(&migrate(folder.path(), &service, &[])).trim(), "the schema is up to date");

    let environment =
        [&SECRETS[..], &[("DATABASE_URL", &service), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat();
    let mut serving = Serving::start(folder.path(), &environment, &["--sample"]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let post = async |path: &str, body: Value| {
        let request = serving.http.post(format!("{}{path}", serving.base)).bearer_auth(&token);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    let mut own = metric("own");
    own["business_domain"] = json!("Revenue");
    let domain = json!({"domain_id": "rev", "name": "Revenue"});
    let status = post("/api/v1/domains", domain).await;
    assert!([201, 409].contains(&status), "{status}");
    assert_eq!(post("/api/v1/metrics", own).await, 201);
    let key = json!({"name": "k", "scopes": ["metrics:read"]});
    assert_eq!(post("/api/auth/api-keys", key).await, 201);
    let user = json!({"username": "other", "email": "o@example.com", "full_name": "O",
                      "password": "a long enough password", "role": "viewer"});
    assert_eq!(post("/api/auth/users", user).await, 201);
    let audit = serving.get("/api/v1/audit?limit=10", &token).await;
    assert_eq!(audit["success"], true, "{audit}");
    assert_eq!(serving.terminate(), Some(0));
    // The purge of old audit events runs with the rights of the schema's owner.
    let purge = "SELECT purge_audit_events(now(), 10)";
    assert_eq!(database::sql(&service, purge).await, [["0"]]);

    let reader = database::connect(&as_role(&url, &roles[2])).await;
    assert!(reader.simple_query("SELECT count(*) FROM metrics").await.is_ok());
    for table in ["users", "sessions", "api_keys", "audit_events"] {
        let read = reader.simple_query(&format!("SELECT count(*) FROM {table}")).await;
        assert!(read.is_err(), "{table}");
    }
    assert!(reader.simple_query(purge).await.is_err());
}

#[tokio::test]
async fn missing_privileges_and_an_older_schema_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (url, roles) = (database::empty().await, roles("less"));
    grant(&url, &roles);
    allow_login(&url, &roles).await;
    let (owner, service) = (as_role(&url, &roles[0]), as_role(&url, &roles[1]));
    success(&migrate(folder.path(), &owner, &[]));
    database::sql(&url, &format!("REVOKE INSERT, UPDATE ON metrics FROM {}", roles[1])).await;
    let line = first_line(folder.path(), &service, "service cannot become ready");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("INSERT on metrics, UPDATE on metrics;"), "{error}");
    assert!(!error.contains("DELETE on metrics"), "{error}");
    assert_eq!((&line["user"], &line["level"]), (&json!(roles[1]), &json!("error")), "{line}");

    success(&migrate(folder.path(), &owner, &["--revert"]));
    let line = first_line(folder.path(), &service, "service cannot become ready");
    assert!(line["error"].as_str().unwrap().contains("run `mdl migrate` as the owner"), "{line}");
    success(&migrate(folder.path(), &owner, &[]));

    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000001')";
    database::sql(&url, newer).await;
    let status = success(&migrate(folder.path(), &service, &["--status"]));
    assert!(status.contains("[?] 99990101000001"), "{status}");
    let line = first_line(folder.path(), &service, "schema is newer than this version of mdl");
    assert_eq!(line["newest_migration"], "99990101000001");
}

#[tokio::test]
async fn unknown_database_is_an_error_with_host_database_and_user() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::url("mdl_no_such_database");
    let line = first_line(folder.path(), &url, "service cannot become ready");
    assert_eq!(
        (&line["database"], &line["level"]),
        (&json!("mdl_no_such_database"), &json!("error"))
    );
    assert_eq!(line["user"], "postgres");
    assert!(line["host"].as_str().unwrap().starts_with("localhost:"), "{line}");
    assert!(line["error"].as_str().unwrap().contains("3D000"), "{line}");
}
