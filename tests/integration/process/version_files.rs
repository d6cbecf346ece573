//! `mdl export --versions`, and `mdl import` of such files: what was exported, and all that the API
//! says about it, is the same in another database.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::api::change_replay::write;
use crate::api::changes::read_feed;
use crate::process::binary::{command, failure, run, success};
use crate::support::samples::metric_with;
use crate::support::{Server, database};

/// Runs a command on a database; on the embedded one without a URL.
async fn mdl(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = command(folder, arguments);
    if url.is_empty() {
        command.env("DATA_DIR", folder.join("data"));
    } else {
        command.env("DATABASE_URL", url);
    }
    tokio::task::spawn_blocking(move || run(command, "")).await.unwrap()
}

async fn export(folder: &Path, url: &str, name: &str) -> String {
    success(&mdl(folder, url, &["export", "--versions", "-o", name]).await);
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Starts a service and makes a random history.
async fn random_history(seed: u64) -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    Box::pin(write(&server, &admin, seed, 4, 20)).await;
    (server, admin)
}

/// What the API says about the catalogue: the feed, the lists, the versions, and all of it as of
/// each instant.
async fn told(server: &Server, admin: &str) -> Vec<Value> {
    let (feed, _) = read_feed(server, admin, 50, "start").await;
    let mut paths: Vec<String> = vec!["/api/v1/metrics".into(), "/api/v1/domains".into()];
    for change in &feed {
        let (instant, kind) = (change["changed_at"].as_str().unwrap(), change["kind"].as_str());
        for list in ["metrics", "domains"] {
            paths.push(format!("/api/v1/{list}?as_of={instant}&limit=100"));
        }
        let list = if kind == Some("metric") { "metrics" } else { "domains" };
        let item = format!("/api/v1/{list}/{}", change["id"].as_str().unwrap());
        paths.push(item.clone());
        paths.push(format!("{item}/versions?limit=100"));
        paths.push(change["href"].as_str().unwrap().to_owned());
    }
    paths.sort();
    paths.dedup();
    let mut said = feed;
    for path in paths {
        let answer = server.get(&path, admin).await;
        let body = answer.json();
        said.push(json!([path, answer.status, body["data"], body["error"]["code"]]));
    }
    said
}

#[actix_web::test]
async fn random_histories_make_the_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 20..23 {
        let (server, admin) = random_history(seed).await;
        server.advance(1);
        let exported = export(folder.path(), &server.database_url, "a.jsonl").await;
        let url = database::fresh().await;
        let said = success(&mdl(folder.path(), &url, &["import", "a.jsonl"]).await);
        let changes = exported.lines().count() - 2;
        assert!(changes > 25 && said.starts_with(&format!("versions {changes},")), "{said}");
        let again = export(folder.path(), &url, "b.jsonl").await;
        assert!(again == exported, "seed {seed}: another second export");
        let expected = Box::pin(told(&server, &admin)).await;
        server.stop().await;
        let copy = Server::on(&url, &[]).await;
        copy.ready().await;
        copy.advance(1);
        let admin = copy.admin().await;
        let found = Box::pin(told(&copy, &admin)).await;
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(found, expected, "seed {seed}");
        }
        assert_eq!(found.len(), expected.len());
    }
}

#[actix_web::test]
async fn imported_histories_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = random_history(30).await;
    for (path, body) in [
        ("/api/v1/domains", json!({"domain_id": "d8", "name": "Eight"})),
        ("/api/v1/metrics", metric_with("m8", &json!({"business_domain": "Eight"}))),
    ] {
        server.post(path, &admin, &body).await.expect(201);
    }
    server.delete("/api/v1/metrics/m8", &admin).await.expect(200);
    server.delete("/api/v1/domains/d8", &admin).await.expect(200);
    export(folder.path(), &server.database_url, "a.jsonl").await;
    let url = database::fresh().await;
    success(&mdl(folder.path(), &url, &["import", "a.jsonl"]).await);
    let audit = "SELECT actor, details ->> 'metrics' FROM audit_events \
        WHERE action = 'catalogue.imported'";
    let count = "SELECT count(*)::text FROM metrics";
    let count = database::sql(&url, count).await[0][0].clone();
    assert_eq!(database::sql(&url, audit).await, [["mdl import".to_owned(), count]]);
    let copy = Server::on(&url, &[]).await;
    copy.ready().await;
    let admin = copy.admin().await;
    let (before, cursor) = read_feed(&copy, &admin, 50, "start").await;
    // Versions of deleted items are not used again, and can be restored.
    let domain = json!({"domain_id": "d8", "name": "Eight"});
    let created = copy.post("/api/v1/domains", &admin, &domain).await.expect(201).json();
    assert_eq!(created["data"]["version"], 2);
    let restore = json!({"version": "1.0.0"});
    let restored = copy.post("/api/v1/metrics/m8/restore", &admin, &restore).await.expect(200);
    assert_eq!(restored.json()["data"]["metadata"]["version"], "2.0.0");
    let renamed = json!({"name": "Ate"});
    copy.put("/api/v1/domains/d8", &admin, &renamed).await.expect(200);
    // The feed has the new changes, after those that were imported.
    let (after, _) = read_feed(&copy, &admin, 50, &cursor).await;
    let kinds: Vec<&str> = after.iter().map(|change| change["id"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["d8", "m8", "d8", "m8"]);
    let (all, _) = read_feed(&copy, &admin, 50, "start").await;
    assert_eq!(all.len(), before.len() + 4);
    assert!(all.is_sorted_by_key(|change| change["changed_at"].as_str().unwrap().to_owned()));
    // That makes the round trip, too.
    let exported = export(folder.path(), &url, "b.jsonl").await;
    let third = database::fresh().await;
    success(&mdl(folder.path(), &third, &["import", "b.jsonl"]).await);
    assert!(export(folder.path(), &third, "c.jsonl").await == exported);
}

#[actix_web::test]
async fn versions_are_imported_into_the_embedded_database() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = random_history(31).await;
    let exported = export(folder.path(), &server.database_url, "a.jsonl").await;
    success(&mdl(folder.path(), "", &["import", "a.jsonl"]).await);
    assert!(export(folder.path(), "", "b.jsonl").await == exported);
}

#[actix_web::test]
async fn versions_are_only_imported_into_an_empty_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = random_history(32).await;
    let file = folder.path().join("a.jsonl");
    let exported = export(folder.path(), &server.database_url, "a.jsonl").await;
    // Into itself, and into a database from which everything was deleted.
    let deleted = Server::start().await;
    let admin = deleted.admin().await;
    deleted.domains(&admin).await;
    let domains = deleted.get("/api/v1/domains", &admin).await.json()["data"].clone();
    for domain in domains.as_array().unwrap() {
        let path = format!("/api/v1/domains/{}", domain["domain_id"].as_str().unwrap());
        deleted.delete(&path, &admin).await.expect(200);
    }
    for url in [&server.database_url, &deleted.database_url] {
        let before = export(folder.path(), url, "before.jsonl").await;
        for arguments in [&["import", "a.jsonl"][..], &["import", "a.jsonl", "--dry-run"]] {
            let output = mdl(folder.path(), url, arguments).await;
            let said = failure(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("nothing was written") && said.contains("domain d1: "), "{said}");
        }
        assert!(export(folder.path(), url, "after.jsonl").await == before);
    }
    let url = database::fresh().await;
    let said = success(&mdl(folder.path(), &url, &["import", "a.jsonl", "--dry-run"]).await);
    assert!(said.starts_with("dry run, nothing written: versions "), "{said}");
    assert_eq!(export(folder.path(), &url, "b.jsonl").await.lines().count(), 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported);
    let remote = ["import", "a.jsonl", "--url", "http://127.0.0.1:1"];
    let output = mdl(folder.path(), &url, &remote).await;
    assert!(failure(&output).contains("without --url"));
    assert_eq!(output.status.code(), Some(2));
}

/// A change of the lines of a file.
type Edit = Box<dyn FnOnce(&mut Vec<String>)>;

/// Writes the lines of a file with one of them changed.
fn edited(folder: &Path, lines: &[&str], edit: impl FnOnce(&mut Vec<String>)) -> PathBuf {
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    edit(&mut lines);
    let path = folder.join("edited.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[actix_web::test]
async fn wrong_files_of_versions_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = random_history(33).await;
    let exported = export(folder.path(), &server.database_url, "a.jsonl").await;
    let lines: Vec<&str> = exported.lines().collect();
    let present = lines.iter().position(|line| line.contains("\"present\":true")).unwrap();
    let metric = lines
        .iter()
        .position(|line| line.contains("\"kind\":\"metric\"") && line.contains("\"present\":true"))
        .unwrap();
    let number = |line: usize| format!("line {}", line + 1);
    let replace = |at: usize, from: &'static str, to: &'static str| {
        move |lines: &mut Vec<String>| {
            assert!(lines[at].contains(from), "{}", lines[at]);
            lines[at] = lines[at].replacen(from, to, 1);
        }
    };
    let edits: Vec<(Edit, String)> = vec![
        (Box::new(|lines| lines.truncate(lines.len() - 1)), "incomplete".into()),
        (Box::new(|lines| drop(lines.remove(3))), "number of changes".into()),
        (Box::new(|lines| lines.swap(2, 5)), "changed_at".into()),
        (Box::new(|lines| lines[4].truncate(60)), "line 5".into()),
        (Box::new(|lines| lines[4] = "x".repeat(2 << 20)), "at most 1 MiB".into()),
        (Box::new(replace(present, "\"present\":true", "\"present\":1")), number(present)),
        (Box::new(replace(metric, "\"unit\": \"", "\"unity\": \"")), "content.definition".into()),
        (Box::new(replace(metric, "What <b>", "What <script>")), "HTML".into()),
        (Box::new(replace(metric, "https://", "javascript://")), "content.visualization".into()),
    ];
    let url = database::fresh().await;
    for (edit, message) in edits {
        let path = edited(folder.path(), &lines, edit);
        let output = mdl(folder.path(), &url, &["import", path.to_str().unwrap()]).await;
        let said = failure(&output);
        assert!(said.contains(&message) && said.contains("nothing was written"), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
    assert_eq!(export(folder.path(), &url, "b.jsonl").await.lines().count(), 2);
    // Without the content of a former version, which is then marked as not kept.
    let former =
        lines.iter().position(|line| line.contains("\"present\":false,\"content\"")).unwrap();
    let path = edited(folder.path(), &lines, |lines| {
        let mut record: Value = serde_json::from_str(&lines[former]).unwrap();
        record.as_object_mut().unwrap().remove("content");
        lines[former] = record.to_string();
    });
    success(&mdl(folder.path(), &url, &["import", path.to_str().unwrap()]).await);
    let exported = export(folder.path(), &url, "b.jsonl").await;
    assert!(!exported.lines().next().unwrap().contains("null"), "since when contents are kept");
    let file = std::fs::read_to_string(&path).unwrap();
    assert_eq!(exported.lines().count(), file.lines().count());
}

#[actix_web::test]
async fn export_of_versions_that_fails_has_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = random_history(34).await;
    let url = server.database_url.clone();
    // A version by a process of a former release.
    let domain = json!({"domain_id": "old", "name": "Old"});
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    database::sql(&url, "UPDATE business_domains SET version = 2 WHERE domain_id = 'old'").await;
    let said = failure(&mdl(folder.path(), &url, &["export", "--versions", "-o", "a"]).await);
    assert!(said.contains("domain old") && said.contains("a was not written"), "{said}");
    assert!(!folder.path().join("a").exists());
    server.put("/api/v1/domains/old", &admin, &json!({"color": "red"})).await.expect(200);
    export(folder.path(), &url, "a").await;
    let broken = "ALTER TABLE metric_snapshots RENAME COLUMN content TO renamed";
    database::sql(&url, broken).await;
    let output = mdl(folder.path(), &url, &["export", "--versions"]).await;
    assert!(failure(&output).contains("the output is incomplete"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("{\"changes\":"));
}
