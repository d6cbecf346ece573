//! `mdl serve --sample`, as the README's first command runs it.

use serde_json::json;

use crate::process::binary::{Serving, command, failure, run};

#[tokio::test]
async fn sample_is_served_at_first_and_second_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Serving::start(folder.path(), &[], &["--sample"]).await;
    // Its stderr is not a terminal here.
    let password =
        std::fs::read_to_string(folder.path().join("data/first-admin-password")).unwrap();
    let token = first.login(password.trim_end()).await;
    let metrics = first.get("/api/v1/metrics?limit=100", &token).await;
    assert!(metrics["pagination"]["total"].as_i64().unwrap() >= 24);
    assert!(first.get("/api/v1/domains", &token).await["count"].as_i64().unwrap() >= 6);
    assert!(metrics.to_string().contains("解約率"));
    let mut own = first.get("/api/v1/metrics/mrr", &token).await["data"].clone();
    own["metric_id"] = json!("own");
    let create =
        first.http.post(format!("{}/api/v1/metrics", first.base)).bearer_auth(&token).json(&own);
    assert_eq!(create.send().await.unwrap().status(), 201);
    let change = first.http.put(format!("{}/api/v1/metrics/own", first.base)).bearer_auth(&token);
    assert_eq!(change.json(&json!({"name": "Own"})).send().await.unwrap().status(), 200);
    let before = first.get("/api/v1/metrics?limit=100", &token).await;
    assert_eq!(first.terminate(), Some(0));

    let mut second = Serving::start(folder.path(), &[], &["--sample"]).await;
    assert_eq!(second.get("/api/v1/metrics?limit=100", &token).await, before);
    // Two processes never work on one folder.
    let other = failure(&run(command(folder.path(), &["export"]), ""));
    assert!(other.contains("--url"), "{other}");
    assert_eq!(second.terminate(), Some(0));
}

#[tokio::test]
async fn shutdown_finishes_requests_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::fresh().await;
    let environment = [
        &crate::process::binary::SECRETS[..],
        &[("DATABASE_URL", &url), ("ADMIN_PASSWORD", crate::process::binary::ADMIN_PASSWORD)],
    ];
    let mut serving = Serving::start(folder.path(), &environment.concat(), &[]).await;
    let token = serving.login(crate::process::binary::ADMIN_PASSWORD).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let asked = serving
        .http
        .post(format!("{}/api/v1/domains", serving.base))
        .bearer_auth(&token)
        .json(&json!({"domain_id": "d", "name": "D"}));
    let asked = tokio::spawn(asked.send());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let stopping = tokio::task::spawn_blocking(move || serving.terminate());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap().status(), 201);
    assert_eq!(stopping.await.unwrap(), Some(0));
}

#[test]
fn invalid_setting_stops_startup_and_is_named_without_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let long = "0123456789abcdef0123456789abcdef-SECRET";
    let url = "postgres://u:SECRET@127.0.0.1:1/db";
    for (environment, name) in [
        (vec![("PORT", "SECRET")], "PORT"),
        (vec![("PORT", "70000")], "PORT"),
        (vec![("HOST", "nowhere")], "HOST"),
        (vec![("WORKERS", "0")], "WORKERS"),
        (vec![("DB_POOL_MAX", "0")], "DB_POOL_MAX"),
        (vec![("DB_POOL_MIN", "11")], "DB_POOL_MIN"),
        (vec![("DB_CONNECTION_TIMEOUT", "-1")], "DB_CONNECTION_TIMEOUT"),
        (vec![("CIRCUIT_BREAKER_TIMEOUT", "soon")], "CIRCUIT_BREAKER_TIMEOUT"),
        (vec![("METRICS_PORT", "70000")], "METRICS_PORT"),
        (vec![("LOG_LEVEL", "loud")], "LOG_LEVEL"),
        (vec![("LOG_FORMAT", "xml")], "LOG_FORMAT"),
        (vec![("AWS_CLOUDWATCH_ENABLED", "maybe")], "AWS_CLOUDWATCH_ENABLED"),
        (
            vec![("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_CLOUDWATCH_GROUP", "a b")],
            "AWS_CLOUDWATCH_GROUP",
        ),
        (vec![("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_REGION", "")], "AWS_REGION"),
        (
            vec![("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_ENDPOINT_URL", "here")],
            "AWS_ENDPOINT_URL",
        ),
        (vec![("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_ENDPOINT_URL", "")], "AWS_ENDPOINT_URL"),
        (
            vec![("ELASTICSEARCH_ENABLED", "true"), ("ELASTICSEARCH_URL", "ftp://u:x-SECRET@h")],
            "ELASTICSEARCH_URL",
        ),
        (
            vec![("ELASTICSEARCH_ENABLED", "true"), ("ELASTICSEARCH_INDEX", "Upper")],
            "ELASTICSEARCH_INDEX",
        ),
        (
            vec![("ELASTICSEARCH_ENABLED", "true"), ("ELASTICSEARCH_API_KEY", "\u{e4}-SECRET")],
            "ELASTICSEARCH_API_KEY",
        ),
        (vec![("ANONYMOUS_READ", "perhaps")], "ANONYMOUS_READ"),
        (vec![("ADMIN_USERNAME", "a b")], "ADMIN_USERNAME"),
        (vec![("ADMIN_PASSWORD", "SECRET")], "ADMIN_PASSWORD"),
        (vec![("JWT_SECRET", "SECRET")], "JWT_SECRET"),
        (vec![("JWT_ACCESS_TOKEN_EXPIRY", "0")], "JWT_ACCESS_TOKEN_EXPIRY"),
        (vec![("DATABASE_URL", url)], "JWT_SECRET"),
        (vec![("DATABASE_URL", url), ("JWT_SECRET", long)], "JWT_REFRESH_SECRET"),
        (
            vec![("DATABASE_URL", url), ("JWT_SECRET", long), ("JWT_REFRESH_SECRET", long)],
            "JWT_REFRESH_SECRET",
        ),
        (
            vec![
                ("DATABASE_URL", "mysql://SECRET"),
                ("JWT_SECRET", long),
                ("JWT_REFRESH_SECRET", &long[1..]),
            ],
            "DATABASE_URL",
        ),
    ] {
        let mut service = command(folder.path(), &[]);
        service.envs(environment.iter().copied());
        let message = failure(&run(service, ""));
        assert!(message.contains(name), "{environment:?}: {message}");
        let secret_is_a_secret = name != "PORT";
        assert!(
            !secret_is_a_secret || !message.contains("SECRET@") && !message.contains("-SECRET"),
            "{message}"
        );
    }
}

#[test]
fn env_example_lists_every_variable_with_its_default() {
    use clap::CommandFactory;
    let example =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example")).unwrap();
    let mut names = Vec::new();
    for secret in mdl::config::secrets::SECRETS {
        let line = format!("{}={}", secret.name, secret.default);
        assert!(
            example.lines().any(|found| found == line || found == format!("# {line}")),
            "{line} is not in .env.example"
        );
        names.push(secret.name.to_owned());
    }
    for argument in mdl::app::cli::Cli::command().get_arguments() {
        let Some(name) = argument.get_env() else { continue };
        let name = name.to_str().unwrap().to_owned();
        let default = argument
            .get_default_values()
            .first()
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let line = format!("{name}={default}");
        assert!(
            example.lines().any(|found| found == line || found == format!("# {line}")),
            "{line} is not in .env.example"
        );
        names.push(name);
    }
    assert!(names.len() >= 20);
    for line in example.lines().filter_map(|line| line.trim_start_matches("# ").split_once('=')) {
        let is_variable = line.0.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        assert!(
            !is_variable || names.iter().any(|name| name == line.0),
            "{} is no variable",
            line.0
        );
    }
}

#[tokio::test]
async fn port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port().to_string();
    for (variable, other) in [("PORT", "METRICS_PORT"), ("METRICS_PORT", "PORT")] {
        let mut serve = command(folder.path(), &["serve"]);
        serve.env(variable, &taken).env(other, "0");
        let complaint = failure(&run(serve, ""));
        assert!(complaint.contains(variable) && complaint.contains("in use"), "{complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
    }
    drop(holder);
}
