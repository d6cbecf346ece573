//! `mdl export` from a database: slow readers, failures in the middle, and the file that it
//! replaces.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::binary::{command, failure, run, success};
use crate::process::round_trip::write_catalogue;
use crate::support::database;

fn on(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    command.env("DATABASE_URL", url);
    command
}

/// Returns the URL of a database with so many metrics.
async fn filled(folder: &Path, metrics: usize) -> String {
    let url = database::fresh().await;
    write_catalogue(&folder.join("all.json"), metrics);
    success(&run(on(folder, &url, &["import", "all.json"]), ""));
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_of_an_export_takes_no_time_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let url = filled(folder.path(), 1_500).await;
    let mut command = on(folder.path(), &url, &["export", "--format", "json"]);
    command.env("CIRCUIT_BREAKER_TIMEOUT", "1000").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Three times the limit of a call, and longer than a session may be idle in a transaction.
    let waiting = "SELECT count(*)::text FROM pg_stat_activity WHERE state LIKE 'idle in tr%' \
        AND datname = current_database() AND clock_timestamp() - state_change > interval '3 s'";
    let waits = async {
        while database::sql(&url, waiting).await.concat() != ["1"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits)
        .await
        .expect("export waits for its reader");
    let read = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let exported = success(&read.await.unwrap());
    let exported: serde_json::Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(exported["metrics"].as_array().unwrap().len(), 1_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn export_whose_reading_fails_has_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = filled(folder.path(), 10).await;
    let rename = "ALTER TABLE metrics RENAME COLUMN definition TO renamed";
    database::connect(&url).await.batch_execute(rename).await.unwrap();
    for format in ["yaml", "json"] {
        let output = run(on(folder.path(), &url, &["export", "--format", format]), "");
        let written = String::from_utf8(output.stdout.clone()).unwrap();
        let message = failure(&output);
        assert!(message.contains("the output is incomplete"), "{message}");
        assert!(written.contains("Finance"), "{written}");
        assert!(!written.contains("metrics"), "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn export_keeps_the_mode_of_the_file_that_it_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    success(&run(on(folder.path(), &url, &["migrate"]), ""));
    let path = folder.path().join("kept.yaml");
    std::fs::File::create(&path).unwrap().write_all(b"former").unwrap();
    for mode in [0o600, 0o640] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        success(&run(on(folder.path(), &url, &["export", "--output", "kept.yaml"]), ""));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        let mut text = String::new();
        std::fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "domains: []\nmetrics: []\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_of_an_export_is_not_that_of_the_collation() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let domains = ["b", "B", "a", "é", "A"].map(|name| {
        format!(r#"{{"domain_id":"d{}","name":"{name}"}}"#, u32::from(name.chars().next().unwrap()))
    });
    let document = format!(r#"{{"domains":[{}],"metrics":[]}}"#, domains.join(","));
    std::fs::write(folder.path().join("all.json"), document).unwrap();
    success(&run(on(folder.path(), &url, &["import", "all.json"]), ""));
    let exported = success(&run(on(folder.path(), &url, &["export", "--format", "json"]), ""));
    let exported: serde_json::Value = serde_json::from_str(&exported).unwrap();
    let domains = exported["domains"].as_array().unwrap();
    let names: Vec<&str> = domains.iter().map(|domain| domain["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "B", "a", "b", "é"]);
}
