//! `mdl log`, `mdl show` and `mdl diff`: what they print, and their exit codes.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::process::binary::{command, failure, run, success};
use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database};

/// Runs a command on a database, beside the service of the test.
async fn mdl(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = command(folder, arguments);
    command.env("DATABASE_URL", url);
    tokio::task::spawn_blocking(move || run(command, "")).await.unwrap()
}

/// Starts a service with a metric `m` in the versions 1.0.0, 1.0.1 and 2.0.0, and a metric `gone`
/// that was deleted.
async fn service() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (path, list) = ("/api/v1/metrics/m", "/api/v1/metrics");
    server.post(list, &admin, &metric("m")).await.expect(201);
    server.put(path, &admin, &json!({"tags": ["t\u{202e}"]})).await.expect(400);
    server.put(path, &admin, &json!({"tags": ["t"]})).await.expect(200);
    server.put(path, &admin, &json!({"category": "Costs"})).await.expect(200);
    server.post(list, &admin, &metric("gone")).await.expect(201);
    server.delete("/api/v1/metrics/gone", &admin).await.expect(200);
    (server, admin)
}

#[actix_web::test]
async fn log_lists_versions_of_metrics_and_domains_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = service().await;
    let mdl = async |arguments: &[&str]| mdl(folder.path(), &server.database_url, arguments).await;
    let said = success(&mdl(&["log", "m"]).await);
    let lines: Vec<Vec<&str>> =
        said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["VERSION", "TIME", "AUTHOR", "CHANNEL", "CHANGE", "FIELDS"]);
    let columns = |line: &[&str]| [0, 2, 3, 4, 5].map(|column| line[column].to_owned());
    assert_eq!(columns(&lines[1]), ["2.0.0", "admin", "api", "update", "category"]);
    assert_eq!(columns(&lines[2]), ["1.0.1", "admin", "api", "update", "tags"]);
    assert_eq!(columns(&lines[3]), ["1.0.0", "admin", "api", "create", "-"]);
    let listed = server.get("/api/v1/metrics/m/versions", &admin).await.expect(200).json();
    let printed: Value =
        serde_json::from_str(&success(&mdl(&["log", "m", "--json"]).await)).unwrap();
    assert_eq!(printed["versions"], listed["data"]);
    assert_eq!((&printed["total"], &printed["kind"]), (&json!(3), &json!("metric")));
    // Fewer of them, and a note on stderr.
    let output = mdl(&["log", "m", "--limit", "2"]).await;
    assert_eq!(success(&output).lines().count(), 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 of 3 versions shown"));
    // A deleted metric, a domain, and ids that name nothing, or two things.
    assert!(success(&mdl(&["log", "gone"]).await).lines().nth(1).unwrap().contains("delete"));
    let domains = server.get("/api/v1/domains", &admin).await.json();
    let domain = domains["data"][0]["domain_id"].as_str().unwrap().to_owned();
    assert!(success(&mdl(&["log", &domain]).await).contains("create"));
    let output = mdl(&["log", "unknown"]).await;
    assert!(failure(&output).contains("no metric or domain has the id unknown"));
    assert_eq!(output.status.code(), Some(1));
    let same = json!({"domain_id": "m", "name": "Same id"});
    server.post("/api/v1/domains", &admin, &same).await.expect(201);
    let output = mdl(&["log", "m"]).await;
    assert!(failure(&output).contains("--kind domain"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(success(&mdl(&["log", "m", "--kind", "domain"]).await).lines().count(), 2);
    assert!(failure(&mdl(&["log", "m@1.0.0"]).await).contains("mdl show m@1.0.0"));
    assert!(failure(&mdl(&["log", "m@latest"]).await).contains("mdl log ID"));
}

#[actix_web::test]
async fn show_prints_versions_and_the_present_state() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = service().await;
    let mdl = async |arguments: &[&str]| mdl(folder.path(), &server.database_url, arguments).await;
    for (name, version) in [("m@1.0.0", "1.0.0"), ("m@2.0.0", "2.0.0"), ("m", "2.0.0")] {
        let path = format!("/api/v1/metrics/m/versions/{version}");
        let content = server.get(&path, &admin).await.expect(200).json()["data"]["content"].clone();
        let printed = success(&mdl(&["show", name, "--format", "json"]).await);
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), content, "{name}");
        let printed = success(&mdl(&["show", name]).await);
        assert_eq!(serde_saphyr::from_str::<Value>(&printed).unwrap(), content, "{name}");
    }
    assert!(success(&mdl(&["show", "gone@1.0.0"]).await).contains("metric_id: gone"));
    for (name, message) in [
        ("gone", "gone was deleted"),
        ("m@9.0.0", "never had version 9.0.0"),
        ("nothing", "no metric or domain has the id nothing"),
    ] {
        let output = mdl(&["show", name]).await;
        assert!(failure(&output).contains(message), "{name}");
        assert_eq!(output.status.code(), Some(1), "{name}");
    }
    let lost = "DELETE FROM metric_snapshots WHERE version = '1.0.0'";
    database::sql(&server.database_url, lost).await;
    assert!(failure(&mdl(&["show", "m@1.0.0"]).await).contains("before contents were kept"));
}

#[actix_web::test]
async fn diff_compares_the_catalogue_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = service().await;
    let mdl = async |arguments: &[&str]| mdl(folder.path(), &server.database_url, arguments).await;
    for format in ["yaml", "json"] {
        success(&mdl(&["export", "--format", format, "-o", "same"]).await);
        let said = success(&mdl(&["diff", "same"]).await);
        assert!(said.starts_with("created 0, changed 0, missing 0, unchanged "), "{said}");
    }
    let text = std::fs::read_to_string(folder.path().join("same")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let domains = document["domains"].as_array_mut().unwrap();
    let removed = domains.pop().unwrap()["domain_id"].as_str().unwrap().to_owned();
    document["metrics"][0]["definition"]["formula"] = json!("other");
    document["metrics"][0]["short_name"] = json!("S");
    document["metrics"].as_array_mut().unwrap().push(metric_with("new", &json!({})));
    std::fs::write(folder.path().join("other.json"), document.to_string()).unwrap();
    let output = mdl(&["diff", "other.json"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("changed metric m\n  definition.formula: \"a < b"), "{said}");
    assert!(said.contains("-> \"other\"\n  short_name: \"M\" -> \"S\"\n"), "{said}");
    assert!(said.contains("created metric new\n"), "{said}");
    assert!(said.contains(&format!("missing domain {removed}\n")), "{said}");
    let output = mdl(&["diff", "other.json", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = &printed["counts"];
    assert_eq!((&counts["created"], &counts["changed"]), (&json!(1), &json!(1)));
    let changed = &printed["differences"][0];
    assert_eq!((&changed["difference"], &changed["id"]), (&json!("changed"), &json!("m")));
    assert_eq!(changed["changes"][0]["pointer"], "/definition/formula");
    assert_eq!(changed["changes"][0]["new"], "other");
    let output = mdl(&["diff", "--quiet", "other.json"]).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    // Nothing was written.
    success(&mdl(&["diff", "--quiet", "same"]).await);
}

#[actix_web::test]
async fn diff_that_cannot_be_made_has_the_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = service().await;
    let url = server.database_url.clone();
    let bad = json!({"domains": [], "metrics": [metric_with("m", &json!({"tier": "Tier-9"}))]});
    std::fs::write(folder.path().join("bad.json"), bad.to_string()).unwrap();
    std::fs::write(folder.path().join("good.json"), "{\"domains\": []}").unwrap();
    std::fs::write(folder.path().join("text"), "- a\n- b\n").unwrap();
    let nowhere = "postgres://postgres@127.0.0.1:1/none";
    for (url, arguments, message) in [
        (url.as_str(), &["diff", "bad.json"][..], "metrics[0].tier"),
        (&url, &["diff", "missing.json"], "missing.json"),
        (&url, &["diff", "text"], "the lists `domains` and `metrics`"),
        (&url, &["diff", "unknown@1.0.0", "m@1.0.0"], "unknown"),
        (&url, &["diff", "m@1.0.0", "m@7.0.0"], "never had version 7.0.0"),
        (&url, &["diff", "a/b", "m@1.0.0"], "an id is"),
        (nowhere, &["diff", "good.json"], "refused"),
    ] {
        let output = mdl(folder.path(), url, arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = failure(&output);
        assert!(said.contains(message) && !said.contains("nothing was written"), "{said}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[actix_web::test]
async fn diff_compares_two_versions() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = service().await;
    let mdl = async |arguments: &[&str]| mdl(folder.path(), &server.database_url, arguments).await;
    let output = mdl(&["diff", "m@1.0.0", "m@2.0.0", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let path = "/api/v1/metrics/m/diff?from=1.0.0&to=2.0.0";
    let expected = server.get(path, &admin).await.expect(200).json();
    assert_eq!(printed["differences"][0]["changes"], expected["data"]["changes"]);
    assert_eq!(success(&mdl(&["diff", "m@2.0.0", "m", "--quiet"]).await), "");
    let said = String::from_utf8(mdl(&["diff", "m@1.0.1", "m"]).await.stdout).unwrap();
    let expected = "changed metric m\n  category: \"Revenue\" -> \"Costs\"\n";
    assert!(said.starts_with(expected), "{said}");
}
