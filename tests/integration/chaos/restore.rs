//! A restored backup over the database of a running service. The runbook says not to do that
//! (docs/runbooks/restore.md); what it must not lead to is old responses that count as fresh, wrong
//! responses, or a service that has to be restarted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use serde_json::json;
use tokio::sync::watch;

use super::failover::{
    LIST, MAX_RECOVERY, METRIC, assert_changes_are_visible, assert_within_bounds, fresh_tags,
    start, tags,
};
use super::load::{Load, Row, lost};
use super::{PATIENCE, Refusals, recovery};
use crate::support::samples::metric;
use crate::support::{Server, database};

const PAUSE: Duration = Duration::from_millis(10);

/// Runs a program of PostgreSQL on another thread: the service's actors run on that of the test.
async fn run(program: &str, arguments: &[&str]) {
    let bin = std::env::var("MDL_TEST_POSTGRES_BIN").map(PathBuf::from).unwrap();
    let mut command = Command::new(bin.join(program));
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn dump(url: &str, file: &Path) {
    run("pg_dump", &["-Fc", "-f", file.to_str().unwrap(), url]).await;
}

/// Replaces everything; with `--single-transaction` the service sees either the old or the new.
async fn restore(url: &str, file: &Path, options: &[&str]) {
    let fixed = ["--clean", "--if-exists", "--exit-on-error", "--no-owner", "-d", url];
    run("pg_restore", &[&fixed[..], options, &[file.to_str().unwrap()]].concat()).await;
}

/// A service whose database has changed since it was dumped.
struct Restored {
    server: Arc<Server>,
    url: String,
    file: PathBuf,
    admin: String,
    /// The token of an account that the dump does not have.
    late: String,
    _folder: tempfile::TempDir,
}

impl Restored {
    async fn start() -> Self {
        let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
        let file = folder.path().join("mdl.dump");
        let server = start(&url).await;
        let admin = server.admin().await;
        server.domains(&admin).await;
        server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
        server.put(METRIC, &admin, &tags("dumped")).await.expect(200);
        dump(&url, &file).await;
        let (_, late) = server.user(&admin, "late", "editor").await;
        Self { server, url, file, admin, late, _folder: folder }
    }

    /// Makes changes that a restore undoes, and caches the last one.
    async fn change(&self) {
        for round in 0..100 {
            self.server.put(METRIC, &self.admin, &tags(&format!("lost{round}"))).await.expect(200);
        }
        for path in [METRIC, LIST] {
            let answered = fresh_tags(&self.server, &self.admin, path).await;
            assert_eq!(answered, Some(json!(["lost99"])), "{path}");
        }
        self.server.get(LIST, &self.late).await.expect(200);
    }

    /// Waits until no response shows what was before the restore. Returns how long that took.
    async fn until_old_responses_are_gone(&self) -> Duration {
        let restored = Instant::now();
        // A session, a metric or a table may not exist yet.
        while [401, 404, 500, 503].contains(&self.server.get(METRIC, &self.admin).await.status) {
            assert!(restored.elapsed() < PATIENCE, "not restored");
            tokio::time::sleep(PAUSE).await;
        }
        for path in [METRIC, LIST] {
            while fresh_tags(&self.server, &self.admin, path).await != Some(json!(["dumped"])) {
                assert!(restored.elapsed() < PATIENCE, "{path}: not restored");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while self.server.get(LIST, &self.late).await.status != 401 {
            assert!(restored.elapsed() < PATIENCE, "a lost account is still accepted");
            tokio::time::sleep(PAUSE).await;
        }
        restored.elapsed()
    }

    /// What is acknowledged from now on is visible at once, and kept.
    async fn assert_works(&self) {
        assert_changes_are_visible(&self.server, &self.admin).await;
        let kept = Load::start(&self.server, &self.admin, "kept", 6).await.end().await;
        assert_eq!((lost(&self.url, &kept.acknowledged).await, kept.doubled), (0, 0));
    }
}

/// Nothing but the poll of the epoch notices a restore: it fires no trigger.
#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn nothing_older_than_a_restore_is_answered_as_fresh() {
    let restored = Restored::start().await;
    restored.change().await;
    restore(&restored.url, &restored.file, &["--single-transaction"]).await;
    let recovery = restored.until_old_responses_are_gone().await;
    println!("restored while no request was under way: old responses gone after {recovery:?}");
    restored.assert_works().await;
}

/// Restores in one transaction while writers run.
async fn restore_under_load() -> Row {
    let restored = Restored::start().await;
    restored.change().await;
    let Restored { server, url, admin, .. } = &restored;
    let during = Load::start(server, admin, "during", 6).await;
    restore(url, &restored.file, &["--single-transaction"]).await;
    let began = Instant::now();
    // The first change that is acknowledged by the restored database ends what was cached before.
    while server.put(METRIC, admin, &tags("first")).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "no change is accepted");
        tokio::time::sleep(PAUSE).await;
    }
    for path in [METRIC, LIST] {
        let answered = fresh_tags(server, admin, path).await;
        assert!([None, Some(json!(["first"]))].contains(&answered), "{path}: {answered:?}");
    }
    let during = during.end().await;
    let after = Load::start(server, admin, "after", 6).await;
    let recovery = recovery(server, admin, "restored").await;
    let mut observed = after.end().await;
    let lost = lost(url, &observed.acknowledged).await;
    println!(
        "meanwhile {} responses unavailable, {} overloaded",
        during.refused, during.overloaded
    );
    observed.longest = observed.longest.max(during.longest);
    observed.doubled += during.doubled;
    restored.assert_works().await;
    Row { observed, failures: None, refusals: Refusals::default(), recovery, lost }
}

#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn changes_are_visible_at_once_after_a_restore_under_load() {
    Row::print_head();
    let title = "restore under the running service, in one transaction";
    assert_within_bounds(title, MAX_RECOVERY, &restore_under_load().await);
}

/// How often each status and code was answered.
type Answers = BTreeMap<(u16, String), usize>;

/// Sends reads until `ended`. Writes would add audit events, whose numbers the restore needs.
async fn observe(server: Arc<Server>, admin: String, ended: watch::Receiver<bool>) -> Answers {
    let mut answers = Answers::new();
    let mut page = 0;
    while !*ended.borrow() {
        page += 1;
        let uncached = format!("/api/v1/metrics?limit=10&page={page}");
        for path in [METRIC, LIST, &uncached, "/api/auth/me"] {
            let answer = server.get(path, &admin).await;
            let status = answer.status;
            let code = match status {
                200 => answer.header("x-cache").to_owned(),
                _ => answer.json()["error"]["code"].as_str().unwrap().to_owned(),
            };
            if status == 500 {
                let answer = answer.expect_error(500, "INTERNAL_ERROR");
                assert_eq!(answer.json()["error"]["message"], "Internal server error");
            }
            *answers.entry((status, code)).or_default() += 1;
        }
        tokio::time::sleep(PAUSE).await;
    }
    answers
}

/// Without `--single-transaction` tables are missing or empty for a while. Requests that need them
/// fail as what they meet: a fault that is ours to repair (500, its cause in the log only), or a
/// session or metric that does not exist. The service needs no restart.
#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn service_survives_a_restore_table_by_table() {
    let restored = Restored::start().await;
    restored.change().await;
    let Restored { server, url, admin, .. } = &restored;
    let (end, ended) = watch::channel(false);
    let observing = spawn(observe(Arc::clone(server), admin.clone(), ended));
    restore(url, &restored.file, &[]).await;
    restored.until_old_responses_are_gone().await;
    recovery(server, admin, "pieces").await;
    end.send_replace(true);
    let answers = observing.await.unwrap();
    println!("responses during a restore table by table: {answers:?}");
    let expected = |(status, code): &(u16, String)| match status {
        200 => true,
        401 => code == "AUTHENTICATION_ERROR",
        404 => code == "NOT_FOUND",
        500 => code == "INTERNAL_ERROR",
        _ => *status == 503 && (code == "DATABASE_ERROR" || code == "OVERLOADED"),
    };
    assert!(answers.keys().all(expected), "{answers:?}");
    for event in server.logs.events("request failed") {
        let cause = event["error"].as_str().unwrap();
        assert!(cause.contains("does not exist") || event["code"] != "INTERNAL_ERROR", "{event}");
    }
    restored.assert_works().await;
}
