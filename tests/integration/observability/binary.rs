//! The binary with both sinks, as operators run it: the sinks receive the same events as stdout, up
//! to the last one.

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
/// Fields of every event.
const ALWAYS: [&str; 7] =
    ["instance", "level", "message", "module", "service", "timestamp", "version"];
/// Further fields of a `request` event.
const REQUEST: [&str; 13] = [
    "api_key",
    "bytes",
    "client",
    "code",
    "duration_ms",
    "method",
    "path",
    "request_id",
    "route",
    "server_request_id",
    "status",
    "user",
    "user_agent",
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
    /// Waits until the service is ready, and returns its address.
    async fn listening(&mut self, out: &Path) -> String {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let ready = lines(out).iter().any(|line| line["message"] == "ready");
            let listening = lines(out).into_iter().find(|line| line["message"] == "listening");
            if let (true, Some(line)) = (ready, listening) {
                return line["address"].as_str().unwrap().to_owned();
            }
            let ended = self.0.try_wait().unwrap();
            let stderr = || std::fs::read_to_string(out.with_file_name("err")).unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{}", stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Process {
    /// Sends SIGTERM and returns the exit code.
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

/// Reads one counter of log events from the exposition.
async fn event_count(metrics: u16, sink: &str, outcome: &str) -> u64 {
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
async fn sinks_receive_the_same_events_as_stdout() {
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
        http.get(format!("{base}/api/v1/metrics?page={number}&search=canary-query"))
            .bearer_auth("canary-token")
            .send()
            .await
            .unwrap();
    }
    // actix-web-prom logs warnings for these requests, which must be filtered out.
    http.patch(format!("{base}/api/v1/metrics/1")).send().await.unwrap();
    http.get(format!("{base}/api-docs/swagger-ui.css")).send().await.unwrap();
    // A sink that has just started may need more than the five seconds of the shutdown.
    let began = Instant::now();
    for sink in ["cloudwatch", "elasticsearch"] {
        while event_count(metrics, sink, "shipped").await == 0 {
            assert!(began.elapsed() < Duration::from_mins(2), "no event reaches {sink}");
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

    let mut expected: Vec<String> = written.iter().map(summary).collect();
    expected.sort_unstable();
    let (documents, events) = (
        crate::observability::elasticsearch::documents(&elasticsearch.url()).await,
        crate::observability::cloudwatch::events(&aws.url()).await,
    );
    for arrived in [&documents, &events] {
        let mut received: Vec<String> = arrived.iter().map(summary).collect();
        received.sort_unstable();
        assert_eq!(received, expected);
        assert_eq!(arrived.last().unwrap()["message"], "stopped");
    }
    let everything =
        format!("{written:?}{documents:?}{events:?}{}", std::fs::read_to_string(&err).unwrap());
    assert!(!everything.contains("canary"), "{everything}");
}

/// The fields that are equal on stdout and in a sink.
fn summary(line: &Value) -> String {
    format!("{} {} {} {}", line["level"], line["module"], line["message"], line["request_id"])
}

/// A service whose stdout is no longer read, and whose queue is full.
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
        // Entries of health checks, with which the queue is filled, are of level debug.
        let environment =
            [("DATABASE_URL", url.as_str()), ("METRICS_PORT", &port), ("LOG_LEVEL", "debug")];
        let mut command = command(folder.path(), &environment);
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
        while event_count(metrics, "stdout", "dropped").await == 0 {
            let requests =
                (0..200).map(|_| http.get(format!("{}/health/live", unread.base)).send());
            for answer in futures_util::future::join_all(requests).await {
                assert_eq!(answer.unwrap().status(), 200, "no request fails");
            }
            assert!(began.elapsed() < Duration::from_mins(5), "the queue is never full");
        }
        unread
    }
}

/// When the reader of stdout stops reading, events are dropped, counted and reported; requests
/// succeed.
#[actix_web::test]
async fn blocked_stdout_drops_events_and_delays_no_request() {
    let Unread { process: _process, lines, base, metrics, _folder } = Unread::start().await;
    let (http, began) = (reqwest::Client::builder().no_proxy().build().unwrap(), Instant::now());
    // The reader continues: it gets the queue, and then the report of dropped events.
    let sum = Arc::new(AtomicU64::new(0));
    let reported = Arc::clone(&sum);
    std::thread::spawn(move || {
        let read =
            lines.map_while(Result::ok).map(|line| serde_json::from_str::<Value>(&line).unwrap());
        for marker in read
            .filter(|line| line["message"] == "log events dropped" && line["level"] == "warning")
        {
            reported.fetch_add(marker["dropped"].as_u64().unwrap(), Ordering::SeqCst);
        }
    });
    while sum.load(Ordering::SeqCst) == 0
        || sum.load(Ordering::SeqCst) < event_count(metrics, "stdout", "dropped").await
    {
        http.get(format!("{base}/health/live")).send().await.unwrap();
        assert!(began.elapsed() < Duration::from_mins(5), "not all dropped events are reported");
    }
    assert_eq!(
        sum.load(Ordering::SeqCst),
        event_count(metrics, "stdout", "dropped").await,
        "no more than were dropped are reported"
    );
}

/// The shutdown does not wait for such a reader either.
#[actix_web::test]
async fn blocked_stdout_does_not_block_shutdown() {
    let mut unread = Unread::start().await;
    assert_eq!(unread.process.terminate().await, Some(0));
    drop(unread.lines);
}

/// A panic in the library of a sink disables that sink only. This SDK panics on an empty endpoint
/// address.
#[actix_web::test]
async fn panicking_sink_is_logged_and_counted_and_the_service_continues() {
    let (folder, metrics) =
        (tempfile::tempdir().unwrap(), crate::observability::tools::free_port());
    let (url, port) = (database::fresh().await, metrics.to_string());
    let broken = [("AWS_CLOUDWATCH_ENABLED", "true"), ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "")];
    let credentials = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let environment =
        [&broken[..], &credentials, &[("DATABASE_URL", &url), ("METRICS_PORT", &port)]].concat();
    let environment = [&environment[..], &[("LOG_LEVEL", "debug")]].concat();
    let mut process = serve(folder.path(), &environment);
    let out = folder.path().join("out");
    let base = process.listening(&out).await;
    let began = Instant::now();
    while !lines(&out)
        .iter()
        .any(|line| line["message"].as_str().unwrap().starts_with("log sink failed"))
    {
        assert!(began.elapsed() < Duration::from_secs(20), "the failure is not logged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = event_count(metrics, "cloudwatch", "dropped").await;
    assert_eq!(reqwest::get(format!("{base}/health/live")).await.unwrap().status(), 200);
    assert!(event_count(metrics, "cloudwatch", "dropped").await > before && before > 0);
}
