//! The binary with both sinks, as operators run it: what it says on stdout is what arrives, to the
//! last line.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::observability::tools::Tool;
use crate::support::database;

const SECRETS: [(&str, &str); 3] = [
    ("JWT_SECRET", "canary-access-0123456789abcdef-0123456789"),
    ("JWT_REFRESH_SECRET", "canary-refresh-0123456789abcdef-0123456789"),
    ("ADMIN_PASSWORD", "canary horse of battery"),
];
/// What each line has, and nothing else on every line.
const ALWAYS: [&str; 4] = ["level", "message", "module", "timestamp"];
/// What a request has beside.
const REQUEST: [&str; 9] = [
    "api_key",
    "client",
    "duration_ms",
    "method",
    "request_id",
    "route",
    "server_request_id",
    "status",
    "user",
];

struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the service; its stdout and stderr are the files `out` and `err` in its folder.
fn serve(folder: &Path, environment: &[(&str, &str)]) -> Process {
    let (out, err) =
        (File::create(folder.join("out")).unwrap(), File::create(folder.join("err")).unwrap());
    Process(command(folder, environment).stdout(out).stderr(err).spawn().unwrap())
}

fn command(folder: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdl"));
    command
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default());
    command
        .env("PORT", "0")
        .env("METRICS_PORT", "0")
        .env("RATE_LIMIT_ENABLED", "false")
        .envs(SECRETS);
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

impl Process {
    /// Waits until it is ready; where it listens.
    async fn listening(&mut self, out: &Path) -> String {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let ready = lines(out).iter().any(|line| line["message"] == "ready");
            let listening = lines(out).into_iter().find(|line| line["message"] == "listening");
            if let (true, Some(line)) = (ready, listening) {
                return line["address"].as_str().unwrap().to_owned();
            }
            let ended = self.0.try_wait().unwrap();
            let said = || std::fs::read_to_string(out.with_file_name("err")).unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{}", said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Process {
    /// Ends it as an operator would; its exit code.
    async fn terminate(&mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let stopping = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(stopping.elapsed() < Duration::from_secs(40), "it does not stop");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// One counter of log events, as Prometheus reads it.
async fn counted(metrics: u16, sink: &str, outcome: &str) -> u64 {
    let text = reqwest::get(format!("http://127.0.0.1:{metrics}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let series = format!("log_events_total{{outcome=\"{outcome}\",sink=\"{sink}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

fn names(line: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[actix_web::test]
async fn both_sinks_get_what_stdout_gets_to_the_last_line() {
    let (aws, elasticsearch, folder) =
        (Tool::aws(), Tool::elasticsearch(), tempfile::tempdir().unwrap());
    let url = database::fresh().await.replace("postgres@", "postgres:canary-database@");
    let at = elasticsearch.url().replace("http://", "http://elastic:canary-elastic@");
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    let metrics = crate::observability::tools::free_port();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("METRICS_PORT", &metrics.to_string()),
        ("LOG_LEVEL", "trace"),
        ("SMTP_URL", "smtp://somebody:canary-smtp@127.0.0.1:1"),
        ("ELASTICSEARCH_ENABLED", "true"),
        ("ELASTICSEARCH_URL", &at),
        ("AWS_CLOUDWATCH_ENABLED", "true"),
        ("AWS_ENDPOINT_URL", &aws.url()),
        ("AWS_ACCESS_KEY_ID", "canary-aws"),
        ("AWS_SECRET_ACCESS_KEY", "canary-aws-secret"),
    ];
    let mut process = serve(folder.path(), &environment);
    let base = process.listening(&out).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for number in 0..20 {
        http.get(format!("{base}/api/v1/metrics/{number}?q=canary-query"))
            .bearer_auth("canary-token")
            .send()
            .await
            .unwrap();
    }
    // The middleware that counts has an opinion of paths with parameters that no route takes, and
    // of the pages.
    http.patch(format!("{base}/api/v1/metrics/1")).send().await.unwrap();
    http.get(format!("{base}/api-docs/swagger-ui.css")).send().await.unwrap();
    // Sinks that are only just awake may need more than the five seconds that the end allows.
    let began = Instant::now();
    for sink in ["cloudwatch", "elasticsearch"] {
        while counted(metrics, sink, "shipped").await == 0 {
            assert!(began.elapsed() < Duration::from_mins(2), "nothing comes to {sink}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(process.terminate().await, Some(0), "{}", std::fs::read_to_string(&err).unwrap());

    let written = lines(&out);
    for line in &written {
        assert!(!line["module"].as_str().unwrap().starts_with("actix_web_prom"), "{line}");
        assert!(ALWAYS.iter().all(|name| line[*name].is_string()), "{line}");
        chrono::DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
        assert!(
            ["error", "warning", "info", "debug", "trace"]
                .contains(&line["level"].as_str().unwrap()),
            "{line}"
        );
    }
    let request = written
        .iter()
        .find(|line| line["message"] == "request" && line["status"] == 401)
        .expect("a request");
    let mut expected = [&ALWAYS[..], &REQUEST[..]].concat();
    expected.sort_unstable();
    assert_eq!(names(request), expected);

    let mut said: Vec<String> = written.iter().map(told).collect();
    said.sort_unstable();
    let (documents, events) = (
        crate::observability::elasticsearch::documents(&elasticsearch.url()).await,
        crate::observability::cloudwatch::events(&aws.url()).await,
    );
    for arrived in [&documents, &events] {
        let mut heard: Vec<String> = arrived.iter().map(told).collect();
        heard.sort_unstable();
        assert_eq!(heard, said);
        assert_eq!(arrived.last().unwrap()["message"], "stopped");
    }
    let everything =
        format!("{written:?}{documents:?}{events:?}{}", std::fs::read_to_string(&err).unwrap());
    assert!(!everything.contains("canary"), "{everything}");
}

/// What is the same on stdout and in a sink.
fn told(line: &Value) -> String {
    format!("{} {} {} {}", line["level"], line["module"], line["message"], line["request_id"])
}

/// A service whose stdout nobody reads any more since it listens, and whose queue is full.
struct Unread {
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
    base: String,
    metrics: u16,
    _folder: tempfile::TempDir,
}

impl Unread {
    async fn start() -> Self {
        let (folder, metrics) =
            (tempfile::tempdir().unwrap(), crate::observability::tools::free_port());
        let (url, port) = (database::fresh().await, metrics.to_string());
        let mut command =
            command(folder.path(), &[("DATABASE_URL", &url), ("METRICS_PORT", &port)]);
        let mut process =
            Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let listening =
            lines.find(|line| line.as_ref().unwrap().contains("\"listening\"")).unwrap().unwrap();
        let base = serde_json::from_str::<Value>(&listening).unwrap()["address"]
            .as_str()
            .unwrap()
            .to_owned();
        let unread = Self { process, lines, base, metrics, _folder: folder };
        let (http, began) =
            (reqwest::Client::builder().no_proxy().build().unwrap(), Instant::now());
        while counted(metrics, "stdout", "dropped").await == 0 {
            let requests =
                (0..200).map(|_| http.get(format!("{}/health/live", unread.base)).send());
            for answer in futures_util::future::join_all(requests).await {
                assert_eq!(answer.unwrap().status(), 200, "it costs no request");
            }
            assert!(began.elapsed() < Duration::from_mins(5), "the queue is never full");
        }
        unread
    }
}

/// Whoever reads our stdout may stop to read: that costs lines, which are counted and told of, and
/// no request.
#[actix_web::test]
async fn a_reader_of_stdout_that_falls_asleep_costs_lines_and_no_requests() {
    let Unread { process: _process, lines, base, metrics, _folder } = Unread::start().await;
    let (http, began) = (reqwest::Client::builder().no_proxy().build().unwrap(), Instant::now());
    // It wakes up: what fitted is there, and then a word about what did not.
    let sum = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&sum);
    std::thread::spawn(move || {
        let read =
            lines.map_while(Result::ok).map(|line| serde_json::from_str::<Value>(&line).unwrap());
        for marker in read
            .filter(|line| line["message"] == "log events dropped" && line["level"] == "warning")
        {
            told.fetch_add(marker["dropped"].as_u64().unwrap(), Ordering::SeqCst);
        }
    });
    while sum.load(Ordering::SeqCst) == 0
        || sum.load(Ordering::SeqCst) < counted(metrics, "stdout", "dropped").await
    {
        http.get(format!("{base}/health/live")).send().await.unwrap();
        assert!(began.elapsed() < Duration::from_mins(5), "the stream does not tell of all");
    }
    assert_eq!(
        sum.load(Ordering::SeqCst),
        counted(metrics, "stdout", "dropped").await,
        "and of no more"
    );
}

/// Nor does the end wait for such a reader.
#[actix_web::test]
async fn a_reader_of_stdout_that_never_wakes_does_not_hold_up_the_end() {
    let mut unread = Unread::start().await;
    assert_eq!(unread.process.terminate().await, Some(0));
    drop(unread.lines);
}

/// A library that panics while it ships costs its sink and nothing else: this SDK does, when it is
/// told of an empty address.
#[actix_web::test]
async fn a_sink_that_panics_is_told_of_and_counted_and_the_service_goes_on() {
    let (folder, metrics) =
        (tempfile::tempdir().unwrap(), crate::observability::tools::free_port());
    let (url, port) = (database::fresh().await, metrics.to_string());
    let broken = [("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "")];
    let credentials = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let environment =
        [&broken[..], &credentials, &[("DATABASE_URL", &url), ("METRICS_PORT", &port)]].concat();
    let mut process = serve(folder.path(), &environment);
    let out = folder.path().join("out");
    let base = process.listening(&out).await;
    let began = Instant::now();
    while !lines(&out)
        .iter()
        .any(|line| line["message"].as_str().unwrap().starts_with("log sink has failed"))
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it is not told of");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = counted(metrics, "cloudwatch", "dropped").await;
    assert_eq!(reqwest::get(format!("{base}/health/live")).await.unwrap().status(), 200);
    assert!(counted(metrics, "cloudwatch", "dropped").await > before && before > 0);
}
