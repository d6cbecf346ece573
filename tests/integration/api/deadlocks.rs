//! Writers, imports, dry runs and renames, of the service and of the command line, run side by side
//! without a deadlock: all of them that write lock the catalogue's epoch first. For one minute, on
//! a machine that does nothing else, none of the requests takes longer than two seconds
//! (`scripts/test` runs that alone).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::process::binary::{command, run};
use crate::support::samples::metric_with;
use crate::support::{Server, database, json_body};

const METRICS: usize = 12;

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
    Box::pin(run_side_by_side(Duration::from_secs(8))).await;
}

#[actix_web::test]
#[ignore = "takes a minute, and measures time; scripts/test runs it alone"]
async fn no_request_takes_two_seconds_in_one_minute_side_by_side() {
    let longest = Box::pin(run_side_by_side(Duration::from_mins(1))).await;
    assert!(longest <= Duration::from_secs(2), "{longest:?}");
}

/// Runs all of them for so long, and asserts that none fails and none deadlocks. Returns the time
/// of the longest request.
async fn run_side_by_side(duration: Duration) -> Duration {
    let url = database::fresh().await;
    // No limit of time ends anything, however slow this machine is.
    let options = ["--db-connection-timeout", "60000", "--circuit-breaker-timeout", "120000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.post("/api/v1/import", &admin, &document(0)).await.expect(200);
    let until = Instant::now() + duration;
    let times = RefCell::new(BTreeMap::<&str, Vec<Duration>>::new());
    let send = async |kind: &'static str, method: Method, path: &str, body: Option<Value>| {
        let body = body.as_ref().map(json_body);
        let began = Instant::now();
        let answer = server.send(method.clone(), path, &admin, &[], body).await;
        times.borrow_mut().entry(kind).or_default().push(began.elapsed());
        assert!(answer.status < 500, "{method} {path}: {}", answer.text);
    };
    let writer = async |number: usize| {
        let (mut round, own) = (number, format!("/api/v1/metrics/own{number}"));
        while Instant::now() < until {
            round += 1;
            let path = format!("/api/v1/metrics/m{}", round * 7 % METRICS);
            let tags = json!({"tags": [format!("w{number}-{round}")]});
            send("update", Method::PUT, &path, Some(tags)).await;
            let created = metric_with(&format!("own{number}"), &json!({}));
            send("create", Method::POST, "/api/v1/metrics", Some(created)).await;
            send("delete", Method::DELETE, &own, None).await;
        }
    };
    let importer = async |kind: &'static str, query: &str| {
        let (mut round, path) = (0, format!("/api/v1/import{query}"));
        while Instant::now() < until {
            round += 1;
            send(kind, Method::POST, &path, Some(document(round))).await;
        }
    };
    let renamer = async |id: &str, name: &str| {
        let (mut round, path) = (0, format!("/api/v1/domains/{id}"));
        while Instant::now() < until {
            round += 1;
            let body = json!({"name": format!("{name} {}", round % 3)});
            send("rename", Method::PUT, &path, Some(body)).await;
        }
    };
    let commands = [false, true].map(|dry_run| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || import_by_command(&url, dry_run, until))
    });
    let dry_run = || importer("dry run", "?dry_run=true");
    let imports = join(importer("import", ""), join(dry_run(), dry_run()));
    let renames = join(renamer("d1", "Finance"), renamer("d2", "Growth"));
    join(join(join_all((0..8).map(writer)), imports), renames).await;
    let commands = join_all(commands).await;
    let commands: usize = commands.into_iter().map(Result::unwrap).sum();
    let longest = report(times.into_inner());
    println!("{commands} runs of mdl import");
    assert!(commands > 0);
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
    longest
}

/// Prints how many requests of each kind there were, and their times. Returns the longest.
fn report(times: BTreeMap<&str, Vec<Duration>>) -> Duration {
    let mut longest = Duration::ZERO;
    assert_eq!(times.len(), 6, "{:?}", times.keys());
    for (kind, mut times) in times {
        times.sort_unstable();
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{kind}: {} requests, median {median:.2?}, longest {last:.2?}", times.len());
        longest = longest.max(last);
    }
    longest
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
