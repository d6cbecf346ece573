//! Commands other than `serve` and `migrate`.

use serde_json::Value;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, failure, run, success};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/catalogue.yaml");

#[tokio::test]
async fn export_is_imported_unchanged_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::empty().await;
    let mdl = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("DATABASE_URL", &url);
        run(command, "")
    };
    assert!(failure(&mdl(&["import", SAMPLE])).contains("mdl migrate"));
    success(&mdl(&["migrate"]));
    assert!(success(&mdl(&["import", SAMPLE, "--dry-run"])).contains("nothing written"));
    assert!(success(&mdl(&["import", SAMPLE])).starts_with("created 34,"));
    assert!(success(&mdl(&["import", SAMPLE])).contains("unchanged 34,"));
    // An export is imported again unchanged, in both formats.
    for format in ["yaml", "json"] {
        let file = folder.path().join(format!("out.{format}"));
        success(&mdl(&["export", "--format", format, "--output", file.to_str().unwrap()]));
        assert!(success(&mdl(&["import", file.to_str().unwrap()])).contains("unchanged 34,"));
    }
    let broken = folder.path().join("broken.yaml");
    let text = std::fs::read_to_string(SAMPLE).unwrap().replacen("tier: Tier-1", "tier: Tier-9", 1);
    std::fs::write(&broken, text).unwrap();
    let message = failure(&mdl(&["import", broken.to_str().unwrap()]));
    assert!(
        message.contains("metrics[0].tier") && message.contains("nothing was written"),
        "{message}"
    );
    assert!(failure(&mdl(&["import", "missing.yaml"])).contains("missing.yaml"));
}

#[tokio::test]
async fn import_and_export_use_a_running_service() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[("ADMIN_PASSWORD", ADMIN_PASSWORD)], &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let mdl = |arguments: &[&str], token: &str| {
        let mut command = command(folder.path(), &[arguments, &["--url", &serving.base]].concat());
        command.env("MDL_TOKEN", token);
        run(command, "")
    };
    assert!(success(&mdl(&["import", SAMPLE], &token)).starts_with("created 34,"));
    let exported: Value =
        serde_json::from_str(&success(&mdl(&["export", "--format", "json"], &token))).unwrap();
    assert_eq!(exported["metrics"].as_array().unwrap().len(), 27);
    assert_eq!(exported["domains"].as_array().unwrap().len(), 7);
    assert!(failure(&mdl(&["export"], "a.b.c")).contains("AUTHENTICATION_ERROR"));
    let body = serde_json::json!({"name": "export", "scopes": ["metrics:read", "domains:read"]});
    let create = serving
        .http
        .post(format!("{}/api/auth/api-keys", serving.base))
        .bearer_auth(&token)
        .json(&body);
    let created: Value = create.send().await.unwrap().json().await.unwrap();
    let key = created["api_key"].as_str().unwrap();
    success(&mdl(&["export"], key));
    assert!(failure(&mdl(&["import", SAMPLE], key)).contains("AUTHORIZATION_ERROR"));
}

#[tokio::test]
async fn admin_commands_create_and_reset_administrators() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::fresh().await;
    let mdl = |arguments: &[&str], stdin: &str| {
        let mut command = command(folder.path(), arguments);
        command.env("DATABASE_URL", &url);
        run(command, stdin)
    };
    success(&mdl(
        &["admin", "create", "admin", "--email", "a@example.com"],
        "first good password\n",
    ));
    assert!(
        failure(&mdl(
            &["admin", "create", "ADMIN", "--email", "b@example.com"],
            "first good password\n"
        ))
        .contains("taken")
    );
    assert!(
        failure(&mdl(&["admin", "create", "bob", "--email", "b@example.com"], "short\n"))
            .contains("12 to 128")
    );
    let environment = [&SECRETS[..], &[("DATABASE_URL", url.as_str())]].concat();
    let serving = Serving::start(folder.path(), &environment, &[]).await;
    assert!(!serving.stderr().contains("password"), "there is an administrator already");
    let token = serving.login("first good password").await;
    let body = serde_json::json!({"name": "k", "scopes": ["metrics:read"]});
    let create = serving
        .http
        .post(format!("{}/api/auth/api-keys", serving.base))
        .bearer_auth(&token)
        .json(&body);
    assert_eq!(create.send().await.unwrap().status(), 201);
    success(&mdl(&["admin", "reset-password", "A@example.com"], ADMIN_PASSWORD));
    // Each key that the password change revoked has its entry.
    let written = "SELECT action FROM audit_events WHERE actor = 'mdl admin' ORDER BY event_id";
    let written = crate::support::database::sql(&url, written).await.concat();
    assert_eq!(written, ["user.created", "user.password_changed", "api_key.revoked"]);
    assert_eq!(serving.get("/api/auth/me", &token).await["error"]["code"], "AUTHENTICATION_ERROR");
    serving.login(ADMIN_PASSWORD).await;
    assert!(
        failure(&mdl(&["admin", "reset-password", "unknown"], ADMIN_PASSWORD)).contains("unknown")
    );
}

#[tokio::test]
async fn healthcheck_command_reports_health() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(
        folder.path(),
        &[("ADMIN_PASSWORD", ADMIN_PASSWORD), ("HOST", "0.0.0.0")],
        &[],
    )
    .await;
    let port = serving.base.rsplit(':').next().unwrap().to_owned();
    let check = |arguments: &[&str]| {
        let mut command = command(folder.path(), &[&["healthcheck"], arguments].concat());
        command.env("PORT", &port).env("HOST", "0.0.0.0");
        run(command, "")
    };
    assert_eq!(success(&check(&[])), "ok\n");
    assert_eq!(success(&check(&["--ready"])), "ok\n");
    serving.terminate();
    failure(&check(&[]));
}

#[test]
fn key_inspect_needs_no_database_and_never_echoes_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = mdl::credentials::api_keys::ApiKey::generate();
    let inspect = |arguments: &[&str], stdin: &str| {
        run(command(folder.path(), &[&["key", "inspect"], arguments].concat()), stdin)
    };
    let line = format!("{}\n", key.expose());
    let said = success(&inspect(&[], &line));
    assert!(
        said.contains("checksum is right")
            && said.contains(&key.hash().hex())
            && said.contains(key.prefix())
    );
    assert!(!said.contains(key.expose()));
    let old = format!("mdl_{}", "0f".repeat(32));
    assert!(success(&inspect(&[], &old)).contains("older"));
    let wrong = format!("{}x", key.expose());
    let complaint = failure(&inspect(&[], &wrong));
    assert!(complaint.contains("mdl_") && !complaint.contains(key.expose()), "{complaint}");
    // Arguments are visible in the process list; the message names the alternative.
    let complaint = failure(&inspect(&[key.expose()], ""));
    assert!(
        complaint.contains("key inspect < FILE") && !complaint.contains(key.expose()),
        "{complaint}"
    );
}

#[test]
fn openapi_and_help_need_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let document: Value =
        serde_json::from_str(&success(&run(command(folder.path(), &["openapi"]), ""))).unwrap();
    assert!(document["paths"]["/api/v1/metrics"].is_object());
    let help = success(&run(command(folder.path(), &["--help"]), ""));
    for name in ["DATABASE_URL", "JWT_SECRET", "--sample", "[default: 3000]"] {
        assert!(help.contains(name) || name == "--sample", "{name}");
    }
    let broken = folder.path().join(".env");
    std::fs::write(&broken, "this is no 'variable SECRET").unwrap();
    let message = failure(&run(command(folder.path(), &["openapi"]), ""));
    assert!(message.contains(".env") && !message.contains("SECRET"), "{message}");
}
