//! A real Prometheus with our alert rules scrapes a running service: the queries of dashboards
//! return data, and the circuit alert fires when the database stops and resolves when it is
//! available again. Ignored by default, because it stops the cluster that other tests share;
//! `scripts/test` runs it on one of its own.

use std::time::{Duration, Instant};

use promql_parser::parser::{self, Expr};
use serde_json::Value;

use crate::observability::queries::{Query, alert_queries, dashboard_queries};
use crate::observability::tools::Tool;
use crate::observability::traffic;
use crate::support::{Server, database};

/// Interval of scrapes and rule evaluations; the alert must fire after two evaluations.
const INTERVAL: Duration = Duration::from_secs(2);

fn configuration(server: &Server) -> String {
    let target = server
        .metrics
        .as_ref()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();
    format!(
        "global: {{scrape_interval: 2s, evaluation_interval: 2s}}\nrule_files: [alerts.yml]\n\
         scrape_configs: [{{job_name: mdl, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
}

/// A running Prometheus.
pub struct Prometheus {
    tool: Tool,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts it with this configuration and these files of rules, and waits until its API answers.
    pub async fn start(configuration: &str, files: &[(&str, &str)]) -> Self {
        let tool = Tool::prometheus(configuration, files);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let prometheus = Self { tool, http };
        // It accepts connections before its API answers.
        while !prometheus.is_ready().await {
            tokio::time::sleep(INTERVAL / 4).await;
        }
        prometheus
    }

    async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/-/ready", self.tool.url())).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let request = self.http.get(format!("{}/api/v1/{path}", self.tool.url())).query(parameters);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    pub async fn query(&self, query: &str) -> Vec<Value> {
        let data = self.get("query", &[("query", query)]).await;
        match data["result"].as_array() {
            Some(series) if data["resultType"] == "vector" => series.clone(),
            _ => vec![data["result"].clone()],
        }
    }

    /// Returns whether an alert fires.
    pub async fn fires(&self, name: &str) -> bool {
        let data = self.get("alerts", &[]).await;
        data["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing")
    }
}

/// Collects the operands of comparisons; an alert itself returns no data while it does not fire.
fn operands(expression: &Expr, found: &mut Vec<String>) {
    match expression {
        Expr::Binary(binary) if binary.op.is_set_operator() => {
            operands(&binary.lhs, found);
            operands(&binary.rhs, found);
        }
        Expr::Binary(binary) if binary.op.is_comparison_operator() => operands(&binary.lhs, found),
        Expr::Paren(paren) => operands(&paren.expr, found),
        Expr::Call(call) if call.func.name == "absent" => {}
        other => found.push(other.to_string()),
    }
}

async fn load(server: &Server, rounds: usize) {
    for _ in 0..rounds {
        let admin = server.admin().await;
        let requests = (0..20).map(|_| server.get("/api/v1/metrics", &admin));
        futures_util::future::join_all(requests).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn ctl(what: &str) {
    let ctl = std::env::var("MDL_TEST_CTL")
        .expect("run the tests with scripts/with-postgres or scripts/test");
    assert!(std::process::Command::new(ctl).arg(what).status().unwrap().success(), "{what}");
}

#[actix_web::test]
#[ignore = "stops the cluster; scripts/test runs it on one of its own"]
async fn dashboards_show_data_and_circuit_alert_fires_and_resolves() {
    let url = database::fresh().await;
    let options = ["--circuit-breaker-reset-timeout", "5000", "--db-connection-timeout", "400"];
    let server = Server::on(&url, &[traffic::OPTIONS, &options].concat()).await;
    server.ready().await;
    let rules = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/deploy/prometheus/alerts.yml"
    ))
    .unwrap();
    // The alert outlasts half-open states; for the test a few seconds replace the minute.
    assert!(rules.contains("keep_firing_for: 1m"));
    let rules = rules.replace("keep_firing_for: 1m", "keep_firing_for: 5s");
    let prometheus = Prometheus::start(&configuration(&server), &[("alerts.yml", &rules)]).await;
    while prometheus.query("up == 1").await.is_empty() {
        tokio::time::sleep(INTERVAL / 4).await;
    }
    // A rate needs several scrapes.
    for _ in 0..5 {
        traffic::generate(&server).await;
        load(&server, 5).await;
        tokio::time::sleep(INTERVAL).await;
    }
    tokio::time::sleep(INTERVAL * 2).await;

    let mut empty = Vec::new();
    for Query { place, text } in dashboard_queries() {
        if prometheus.query(&text).await.is_empty() {
            empty.push(format!("{place}: {text}"));
        }
    }
    for Query { place, text } in alert_queries() {
        let mut parts = Vec::new();
        operands(&parser::parse(&text).unwrap(), &mut parts);
        // There is no data from a quarter of an hour ago.
        for part in parts.iter().filter(|part| !part.contains(" offset ")) {
            if prometheus.query(part).await.is_empty() {
                empty.push(format!("{place}: {part}"));
            }
        }
    }
    assert!(empty.is_empty(), "no data for {empty:#?}\n{}", prometheus.tool.log());

    assert!(!prometheus.fires("MdlCircuitOpen").await);
    ctl("stop");
    let token = "any token: the request fails anyway";
    let stopped = Instant::now();
    // Only calls open a circuit.
    while server
        .state()
        .db
        .report()
        .await
        .unwrap()
        .0
        .iter()
        .all(|circuit| circuit.state.as_ref() != "open")
    {
        server.login("admin", "this call needs the database").await;
        assert!(stopped.elapsed() < Duration::from_secs(30), "no circuit opens");
    }
    let opened = Instant::now();
    while !prometheus.fires("MdlCircuitOpen").await {
        // Only calls are probes; they reopen the circuit while the database is unavailable.
        server.get("/api/v1/domains", token).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(opened.elapsed() < INTERVAL * 10, "the alert does not fire");
    }
    let fired = opened.elapsed();
    assert!(server.reading("http_server_errors_total{status_code=\"503\"}").await > 0.0);
    ctl("start");
    let available = Instant::now();
    while prometheus.fires("MdlCircuitOpen").await {
        server.login("admin", "this call needs the database").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(available.elapsed() < Duration::from_mins(1), "the alert does not resolve");
    }
    let failing = opened - stopped;
    println!(
        "a circuit opened after {failing:?}, the alert fired {fired:?} later, \
         and resolved {:?} after the database was available",
        available.elapsed()
    );
    // One scrape, one evaluation, and some time for both to run.
    assert!(fired <= INTERVAL * 2 + Duration::from_millis(500), "{fired:?}");
    server.stop().await;
}
