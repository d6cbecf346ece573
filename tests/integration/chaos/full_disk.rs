//! A full disk of the server: the database is in a tablespace on a file system of its own, of 64
//! MiB. Only root can mount one; elsewhere the tests fail and say so, and `scripts/test` skips them
//! with a message.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::load::{Load, Row, lost};
use super::{RESET, failures_until_open, measure_refusals, recovery};
use crate::support::database::ctl;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Answer, Server, database};

/// How long there is no space after a circuit has opened.
const FULL: Duration = Duration::from_secs(4);
/// A circuit that opens later has failed to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mounted file system with the tablespace of one database.
struct SmallDisk {
    folder: tempfile::TempDir,
    tablespace: String,
    database: String,
}

impl SmallDisk {
    /// Mounts it, and moves a new database there. Returns the database's URL.
    async fn mount() -> (Self, String) {
        let url = database::fresh().await;
        let name = url.rsplit_once('/').unwrap().1.to_owned();
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder, tablespace: format!("disk_of_{name}"), database: name };
        let path = disk.path();
        run("mount", &["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", path]);
        run("chown", &["postgres", path]);
        let postgres = database::url("postgres");
        let (tablespace, name) = (&disk.tablespace, &disk.database);
        let create = format!("CREATE TABLESPACE {tablespace} LOCATION '{path}'");
        database::sql(&postgres, &create).await;
        let moved = format!("ALTER DATABASE {name} SET TABLESPACE {tablespace}");
        database::sql(&postgres, &moved).await;
        (disk, url)
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// Writes a file until no space is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.folder.path().join("fill")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.folder.path().join("fill")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A cluster that misses a tablespace does not survive the faults of the other tests.
        let drop_database = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        let drop_tablespace = format!("DROP TABLESPACE IF EXISTS {}", self.tablespace);
        let mut psql = Command::new("psql");
        psql.args(["-Xq", "-c", &drop_database, "-c", &drop_tablespace]);
        let _ = psql.arg(database::url("postgres")).status();
        let _ = Command::new("umount").arg("-l").arg(Path::new(self.path())).output();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "NOT TESTED: a full disk; run the test as root, who may mount a file system: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the code of an error, or the status and whether the response is stale.
fn outcome(answer: &Answer) -> String {
    match answer.status {
        status @ 200..300 => format!("{status} {}", answer.header("x-cache")).trim_end().to_owned(),
        status => format!("{status} {}", answer.json()["error"]["code"].as_str().unwrap()),
    }
}

#[actix_web::test]
#[ignore = "needs root; scripts/test runs it on a cluster of its own"]
async fn full_disk_opens_circuits_of_writes_and_loses_none() {
    let (disk, url) = SmallDisk::mount().await;
    let reset = RESET.as_millis().to_string();
    let server = Arc::new(Server::on(&url, &["--circuit-breaker-reset-timeout", &reset]).await);
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m0")).await.expect(201);
    let paths = ["/api/v1/metrics/m0", "/api/v1/domains"];
    for path in paths {
        server.get(path, &admin).await.expect(200);
    }
    let load = Load::start(&server, &admin, "disk", 6).await;

    disk.fill();
    let (began, mut failures) = (Instant::now(), None);
    while failures.is_none() {
        assert!(began.elapsed() < PATIENCE, "no circuit opened");
        failures = failures_until_open(&server).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let until = Instant::now() + FULL;
    let (mut reads, mut log_ins) = (BTreeMap::<String, u32>::new(), BTreeMap::<String, u32>::new());
    let others = async {
        while Instant::now() < until {
            for path in paths {
                *reads.entry(outcome(&server.get(path, &admin).await)).or_default() += 1;
            }
            let log_in = server.login("admin", ADMIN_PASSWORD).await;
            *log_ins.entry(outcome(&log_in)).or_default() += 1;
        }
    };
    let (refusals, ()) = futures_util::future::join(measure_refusals(&server, until), others).await;
    disk.free();
    let recovery = recovery(&server, &admin, "disk").await;
    let observed = load.end().await;
    let lost = lost(&url, &observed.acknowledged).await;
    let row = Row { observed, failures, refusals, recovery, lost };
    Row::print_head();
    row.print("disk full");
    println!("reads {reads:?}, log-ins {log_ins:?}");
    assert_eq!((row.lost, row.observed.doubled), (0, 0));
    assert_eq!(row.refusals.reached, 0, "a refusal reached the database");
    assert!(row.observed.refused > 0 && row.observed.overloaded == 0, "the cause is the database");
    assert!(reads.keys().all(|outcome| outcome.starts_with("200")), "{reads:?}");
    assert!(log_ins.keys().all(|outcome| !outcome.starts_with("500")), "{log_ins:?}");
    if let Some(server) = Arc::into_inner(server) {
        server.stop().await;
    }
}

/// What a test that fails leaves behind.
#[actix_web::test]
#[ignore = "needs root; scripts/test runs it on a cluster of its own"]
async fn cluster_survives_a_full_disk_that_is_removed() {
    let (disk, url) = SmallDisk::mount().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    disk.fill();
    drop(disk);
    ctl("kill");
    ctl("start");
    let spaces = "SELECT spcname FROM pg_tablespace ORDER BY 1";
    let left = database::sql(&database::url("postgres"), spaces).await;
    assert_eq!(left, [["pg_default"], ["pg_global"]]);
    database::fresh().await;
}
