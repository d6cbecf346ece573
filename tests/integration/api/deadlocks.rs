//! Writers, imports, dry runs and renames, of the service and of the command line, run side by side
//! without a deadlock: all of them that write lock the catalogue's epoch first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::process::binary::{command, run};
use crate::support::samples::metric_with;
use crate::support::{Server, database, json_body};

/// How long they run, unless `MDL_DEADLOCK_SECONDS` says otherwise.
const SECONDS: u64 = 8;
const METRICS: usize = 12;

fn duration() -> Duration {
    let seconds = std::env::var("MDL_DEADLOCK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SECONDS))
}

/// Returns a document that changes all metrics, in an order of its own.
fn document(round: usize) -> Value {
    let mut metrics: Vec<Value> = (0..METRICS)
        .map(|number| metric_with(&format!("m{number}"), &json!({"tags": [format!("i{round}")]})))
        .collect();
    metrics.rotate_left(round * 5 % METRICS);
    let domains = json!([
        {"domain_id": "d2", "name": "Growth", "color": format!("#{:06x}", round % 0xff_ffff)},
        {"domain_id": "d1", "name": "Finance"},
    ]);
    json!({"domains": domains, "metrics": metrics})
}

#[actix_web::test]
async fn writers_imports_dry_runs_and_renames_never_deadlock() {
    let url = database::fresh().await;
    // No limit of time ends anything, however slow this machine is.
    let options = ["--db-connection-timeout", "60000", "--circuit-breaker-timeout", "120000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.post("/api/v1/import", &admin, &document(0)).await.expect(200);
    let (until, answered) = (Instant::now() + duration(), AtomicUsize::new(0));
    let send = async |method: Method, path: &str, body: Option<Value>| {
        let body = body.as_ref().map(json_body);
        let answer = server.send(method.clone(), path, &admin, &[], body).await;
        assert!(answer.status < 500, "{method} {path}: {}", answer.text);
        answered.fetch_add(1, Ordering::Relaxed);
    };
    let writer = async |number: usize| {
        let (mut round, own) = (number, format!("/api/v1/metrics/own{number}"));
        while Instant::now() < until {
            round += 1;
            let path = format!("/api/v1/metrics/m{}", round * 7 % METRICS);
            send(Method::PUT, &path, Some(json!({"tags": [format!("w{number}-{round}")]}))).await;
            let created = metric_with(&format!("own{number}"), &json!({}));
            send(Method::POST, "/api/v1/metrics", Some(created)).await;
            send(Method::DELETE, &own, None).await;
        }
    };
    let importer = async |query: &str| {
        let mut round = 0;
        while Instant::now() < until {
            round += 1;
            send(Method::POST, &format!("/api/v1/import{query}"), Some(document(round))).await;
        }
    };
    let renamer = async |id: &str, name: &str| {
        let mut round = 0;
        while Instant::now() < until {
            round += 1;
            let body = json!({"name": format!("{name} {}", round % 3)});
            send(Method::PUT, &format!("/api/v1/domains/{id}"), Some(body)).await;
        }
    };
    let commands = [false, true].map(|dry_run| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || import_by_command(&url, dry_run, until))
    });
    let imports = async {
        join(join(importer(""), importer("?dry_run=true")), importer("?dry_run=true")).await;
    };
    let renames = join(renamer("d1", "Finance"), renamer("d2", "Growth"));
    join(join(join_all((0..8).map(writer)), imports), renames).await;
    let commands = join_all(commands).await;
    let commands: usize = commands.into_iter().map(Result::unwrap).sum();
    println!("{} requests, {commands} commands", answered.load(Ordering::Relaxed));
    assert!(answered.load(Ordering::Relaxed) > 0 && commands > 0);
    // A deadlock would be neutral, because its transaction is tried again.
    for report in server.state().db.report().await.unwrap().0 {
        assert_eq!((report.stats.neutral, report.stats.failures), (0, 0), "{report:?}");
    }
    server.stop().await;
    // The server's statistics are complete when the processes of the connections have ended.
    let ended = "SELECT count(*) = 0 FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name LIKE 'mdl/%'";
    database::until(&url, ended).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(database::sql(&url, deadlocks).await, [["0"]]);
}

/// Runs `mdl import` again and again. Returns how often.
fn import_by_command(url: &str, dry_run: bool, until: Instant) -> usize {
    let (folder, mut round) = (tempfile::tempdir().unwrap(), 0);
    let arguments =
        if dry_run { &["import", "c.json", "--dry-run"][..] } else { &["import", "c.json"] };
    while Instant::now() < until {
        round += 1;
        std::fs::write(folder.path().join("c.json"), document(round + 1000).to_string()).unwrap();
        let mut import = command(folder.path(), arguments);
        import.env("DATABASE_URL", url);
        let output = run(import, "");
        // Its document may have become invalid by a rename; nothing else may go wrong.
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || text.contains("must be the name"), "{text}");
    }
    round
}
