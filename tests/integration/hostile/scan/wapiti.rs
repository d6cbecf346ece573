//! Runs wapiti, a scanner for vulnerabilities, and reads what it found. It sends nothing to other
//! hosts: its modules that fetch something are not used, and the place that attacked services are
//! made to contact is one of the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::hostile::scan::operations::{Operation, document};

/// Bounds of a scan, in seconds: crawling, each module, each response, everything. A scan takes
/// about a minute; these end one that hangs, and let one on a busy machine finish.
const CRAWL_SECONDS: &str = "60";
const MODULE_SECONDS: &str = "120";
const RESPONSE_SECONDS: &str = "20";
const LONGEST_SECONDS: &str = "420";
/// Where requests to other hosts end: a port that refuses connections.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What to scan, and how.
pub struct Scan<'a> {
    pub name: &'static str,
    /// Its headers are examined; everything on its host may be attacked.
    pub start: String,
    pub operations: Vec<Operation>,
    pub token: Option<&'a str>,
    pub modules: &'static [&'static str],
    /// Attacks try to make the service contact this URL.
    pub endpoint: &'a str,
}

/// A vulnerability, or an anomaly: an internal error or a response that takes too long.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    pub module: String,
    pub category: String,
    pub kind: String,
    pub info: String,
    pub method: Option<String>,
    pub path: Option<String>,
}

impl Finding {
    pub fn is_anomaly(&self) -> bool {
        self.kind == "anomaly"
    }
}

/// What came of a scan.
pub struct Report {
    pub name: &'static str,
    pub start: String,
    pub signed_in: bool,
    pub operations: usize,
    pub modules: &'static [&'static str],
    /// Modules that reached their time limit.
    pub unfinished: Vec<String>,
    pub findings: Vec<Finding>,
    pub took: Duration,
}

/// Folder of the reports: an artefact that is never committed.
pub fn reports() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/reports/security-scan");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn program(name: &str) -> PathBuf {
    let wapiti = std::env::var("MDL_TEST_WAPITI").expect("scripts/test installs wapiti");
    Path::new(&wapiti).with_file_name(name)
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

impl Scan<'_> {
    /// Runs the scan to its end. Its report and log are kept in the folder of the reports.
    pub async fn run(&self) -> Report {
        let (folder, began) = (tempfile::tempdir().unwrap(), Instant::now());
        let file = |extension: &str| reports().join(format!("{}.{extension}", self.name));
        let description = folder.path().join("openapi.json");
        let origin = self.start.split('/').take(3).collect::<Vec<_>>().join("/");
        std::fs::write(&description, document(&origin, &self.operations).to_string()).unwrap();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LONGEST_SECONDS]).arg(program("wapiti"));
        command.args(["--url", &self.start, "--scope", "domain", "--swagger"]).arg(&description);
        command.args(["--module", &self.modules.join(","), "--no-bugreport", "--verbose=1"]);
        command.args(["--max-scan-time", CRAWL_SECONDS, "--max-attack-time", MODULE_SECONDS]);
        command.args(["--timeout", RESPONSE_SECONDS, "--format", "json", "--output"]);
        command.arg(file("json")).args(["--endpoint", self.endpoint, "--dns-endpoint=localhost"]);
        command.arg("--store-session").arg(folder.path().join("session"));
        command.arg("--store-config").arg(folder.path().join("config"));
        if let Some(token) = self.token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        command.env("HOME", folder.path()).env("NO_PROXY", "127.0.0.1,localhost");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, NOWHERE).env_remove(name.to_lowercase());
        }
        let ran = output(command).await;
        let log = [ran.stdout, ran.stderr].concat();
        std::fs::write(file("log"), &log).unwrap();
        let log = String::from_utf8_lossy(&log);
        assert!(ran.status.success() && !log.contains("Traceback"), "{}: {log}", self.name);
        for module in self.modules {
            let launched = log.contains(&format!("Launching module {module}"));
            assert!(launched, "{}: {module} did not run: {log}", self.name);
        }
        let report: Value =
            serde_json::from_slice(&std::fs::read(file("json")).unwrap()).expect("a report");
        let crawled = report["infos"]["crawled_pages_nbr"].as_u64().unwrap();
        assert!(crawled >= self.operations.len() as u64, "{}: {crawled} crawled", self.name);
        Report {
            name: self.name,
            start: self.start.clone(),
            signed_in: self.token.is_some(),
            operations: self.operations.len(),
            modules: self.modules,
            unfinished: unfinished(&log),
            findings: findings(&folder.path().join("session")).await,
            took: began.elapsed(),
        }
    }
}

fn unfinished(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| {
        line.strip_prefix("Max attack time was reached for module ")?.strip_suffix(", stopping.")
    });
    lines.map(str::to_owned).collect()
}

async fn findings(session: &Path) -> Vec<Finding> {
    let files = std::fs::read_dir(session).unwrap().map(|entry| entry.unwrap().path());
    let mut databases = files.filter(|path| path.extension().is_some_and(|name| name == "db"));
    let mut command = Command::new(program("python"));
    command.args(["-c", include_str!("findings.py")]).arg(databases.next().expect("a database"));
    let read = output(command).await;
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}
