//! The engineer on call: an instance, its log, Prometheus, and the commands of the runbooks.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::observability::prometheus::Prometheus;
use crate::process::binary::{ADMIN_PASSWORD, SECRETS, run};
use crate::process::haproxy::lasting_port;
use crate::process::logged::Logged;
use crate::support::database;

/// Longest wait for an alert, on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);

/// The rules with seconds in place of minutes: windows of twenty, waits of four.
pub fn rules_in_seconds() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/alerts.yml");
    let rules = std::fs::read_to_string(path).unwrap();
    let mut rules = rules;
    // The longer one first: the other is a part of it.
    let changes = [("keep_firing_for: 1m", "keep_firing_for: 5s"), ("> 120", "> 15")];
    let windows = ["[5m]", "[10m]", "[15m]", "[30m]"].map(|window| (window, "[20s]"));
    let waits = ["for: 1m", "for: 2m", "for: 5m", "for: 10m"].map(|wait| (wait, "for: 4s"));
    let offset = [("offset 15m", "offset 20s")];
    for (from, to) in changes.iter().chain(&windows).chain(&waits).chain(&offset) {
        assert!(rules.contains(from), "{from}");
        rules = rules.replace(from, to);
    }
    rules
}

/// The configuration of a Prometheus that scrapes one port as this job.
pub fn configuration(job: &str, port: u16) -> String {
    format!(
        "global: {{scrape_interval: 2s, evaluation_interval: 2s}}\nrule_files: [alerts.yml]\n\
         scrape_configs: [{{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    )
}

/// Waits until an alert fires, or does not.
pub async fn until(prometheus: &Prometheus, alert: &str, fires: bool) {
    let began = Instant::now();
    while prometheus.fires(alert).await != fires {
        let what = if fires { "fire" } else { "resolve" };
        assert!(began.elapsed() < LONGEST, "{alert} does not {what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let state = if fires { "fires" } else { "resolves" };
    println!("{alert} {state} after {:.1} s", began.elapsed().as_secs_f64());
}

/// An instance under watch.
pub struct Operator {
    pub prometheus: Prometheus,
    pub database_url: String,
    pub base: String,
    pub http: reqwest::Client,
    pub token: String,
    folder: tempfile::TempDir,
    ports: [u16; 2],
    service: Option<Logged>,
}

impl Operator {
    /// Starts an instance on a database of its own, and Prometheus.
    pub async fn start() -> Self {
        let ports = [lasting_port(), lasting_port()];
        let configuration = configuration("mdl", ports[1]);
        let rules = rules_in_seconds();
        let mut operator = Self {
            prometheus: Prometheus::start(&configuration, &[("alerts.yml", &rules)]).await,
            database_url: database::fresh().await,
            base: format!("http://127.0.0.1:{}", ports[0]),
            // A connection to an instance that was stopped since is of no use.
            http: reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap(),
            token: String::new(),
            folder: tempfile::tempdir().unwrap(),
            ports,
            service: None,
        };
        operator.serve(&[]).await;
        operator
    }

    /// Starts the instance with further variables; stops the one before.
    pub async fn serve(&mut self, more: &[(&str, &str)]) {
        self.stop();
        let ports = self.ports.map(|port| port.to_string());
        let url = database::service_url(&self.database_url);
        let environment = [
            &SECRETS[..],
            &[
                ("DATABASE_URL", url.as_str()),
                ("ADMIN_PASSWORD", ADMIN_PASSWORD),
                ("PORT", &ports[0]),
                ("METRICS_PORT", &ports[1]),
                ("RATE_LIMIT_ENABLED", "true"),
                ("RATE_LIMIT_GENERAL_MAX", "100000"),
                ("RATE_LIMIT_BURST_PER_SECOND", "1000"),
                ("TRUSTED_PROXIES", "127.0.0.1"),
                // Calls wait for locks, and for connections, and do not fail meanwhile.
                ("CIRCUIT_BREAKER_TIMEOUT", "120000"),
                ("DB_CONNECTION_TIMEOUT", "60000"),
                ("DB_POOL_MAX", "4"),
            ],
            more,
        ]
        .concat();
        let service = self.service.insert(Logged::start(self.folder.path(), &environment));
        service.wait_for("ready");
        let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
        let answer = self.post("/api/auth/login", &body).await;
        answer["tokens"]["access_token"].as_str().unwrap().clone_into(&mut self.token);
        until(&self.prometheus, "MdlDown", false).await;
    }

    /// Stops the instance with SIGTERM. Returns its log.
    pub fn stop(&mut self) -> Vec<Value> {
        self.service.take().map_or_else(Vec::new, |service| service.end_with_lines("-TERM"))
    }

    pub async fn fires(&self, alert: &str) {
        until(&self.prometheus, alert, true).await;
    }

    pub async fn resolves(&self, alert: &str) {
        until(&self.prometheus, alert, false).await;
    }

    /// Returns the lines of the log with this message.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let mut lines = self.service.as_ref().unwrap().lines();
        lines.retain(|line| line["message"] == message);
        lines
    }

    /// Sends a request as the administrator.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        let request =
            if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> u16 {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        request.send().await.unwrap().status().as_u16()
    }

    /// Runs a command of a runbook in a shell on the host of the instance. Returns its exit code
    /// and what it printed.
    pub async fn types(&self, line: &str) -> (Option<i32>, String) {
        let line = line.replace("localhost:3000", &format!("127.0.0.1:{}", self.ports[0]));
        let line = line.replace("localhost:9090", &format!("127.0.0.1:{}", self.ports[1]));
        let program = Path::new(env!("CARGO_BIN_EXE_mdl"));
        let path = format!(
            "{}:{}",
            program.parent().unwrap().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut shell = std::process::Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &line]).env_clear();
        shell.current_dir(self.folder.path());
        shell.env("PATH", path).env("PORT", self.ports[0].to_string()).env("TOKEN", &self.token);
        let url = database::service_url(&self.database_url);
        shell.envs(SECRETS).env("DATABASE_URL", url);
        let output = tokio::task::spawn_blocking(move || run(shell, "")).await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}
