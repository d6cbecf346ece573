//! The circuit breaker in the service: what opens a circuit, what does not, how it recovers, and
//! how administrators control it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use mdl::actors::db_breaker::Circuit;
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, database};

const QUICK: [&str; 6] = [
    "--db-connection-timeout",
    "1000",
    "--circuit-breaker-reset-timeout",
    "1000",
    "--circuit-breaker-timeout",
    "1000",
];

async fn breakers(server: &Server, admin: &str) -> Value {
    server.get("/health/circuit-breakers", admin).await.expect(200).json()
}

/// Returns the circuits of this process, without a request that needs the database.
async fn status(server: &Server, circuit: &str) -> String {
    let (circuits, _) = server.state().db.report().await.unwrap();
    let found = circuits.into_iter().find(|report| report.circuit.as_ref() == circuit).unwrap();
    found.state.as_ref().to_owned()
}

async fn wait_for(server: &Server, circuit: &str, state: &str, limit: Duration) -> Duration {
    let began = Instant::now();
    while began.elapsed() < limit {
        if status(server, circuit).await == state {
            return began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{circuit} is {} after {limit:?}", status(server, circuit).await);
}

#[actix_web::test]
async fn circuit_opens_refuses_and_recovers_without_traffic() {
    let proxy = Proxy::start(true).await;
    let server = Server::on(&proxy.url(&database::fresh().await), &QUICK).await;
    server.ready().await;
    let admin = server.admin().await;
    proxy.close();
    let mut failures = 0;
    while status(&server, "auth").await == "closed" {
        server.get("/api/v1/metrics", &admin).await.expect_error(503, "DATABASE_ERROR");
        failures += 1;
        assert!(failures <= 10, "it does not open");
    }
    // A failure to connect counts against all circuits, each with its own rate and volume; unless
    // a call in the background met the outage first, and the probe opened all of them.
    for report in server.state().db.report().await.unwrap().0 {
        let newest = report.last_transitions.as_slice().first();
        let is_by_probe = newest.is_some_and(|one| one.cause.starts_with("server unavailable: "));
        assert!(report.stats.failures > 0 || is_by_probe, "{report:?}");
    }
    assert_eq!(server.get("/health", "").await.json()["status"], "degraded");
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let refused =
            server.get("/api/v1/metrics", &admin).await.expect_error(503, "DATABASE_ERROR");
        times.push(began.elapsed());
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    times.sort();
    println!("refusal over HTTP: median {:?}, 99th percentile {:?}", times[100], times[198]);
    proxy.open();
    let took = wait_for(&server, "auth", "closed", Duration::from_secs(3)).await;
    println!("recovered {took:?} after the end of the outage, without traffic");
    wait_for(&server, "metrics", "closed", Duration::from_secs(2)).await;
    for answer in join_all((0..20).map(|_| server.get("/api/v1/metrics", &admin))).await {
        answer.expect(200);
    }
    for message in ["circuit opened", "circuit half-open", "circuit closed"] {
        assert!(!server.logs.events(message).is_empty(), "{message} is not in the log");
    }
}

#[actix_web::test]
async fn slow_lists_do_not_affect_log_in() {
    let url = database::fresh().await;
    // The catalogue's share of the pool has room for ten lists.
    let options = ["--circuit-breaker-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::on(&url, &[&options[..], &["--db-pool-max", "14"]].concat()).await;
    server.ready().await;
    let admin = server.admin().await;
    // A call that only waited for a connection does not count against the lists.
    server.warm(14).await;
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    for answer in join_all((0..10).map(|_| server.get("/api/v1/metrics/x", &admin))).await {
        answer.expect_error(503, "DATABASE_ERROR");
    }
    assert_eq!(status(&server, "metrics").await, "open");
    assert_eq!(status(&server, "auth").await, "closed");
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
    server.get("/api/v1/domains", &admin).await.expect(200);
    client.batch_execute("COMMIT").await.unwrap();
    wait_for(&server, "metrics", "closed", Duration::from_secs(4)).await;
    server.get("/api/v1/metrics/x", &admin).await.expect(404);
}

#[actix_web::test]
async fn statement_errors_do_not_open_the_circuit() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for _ in 0..250 {
        server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(409);
        server
            .post("/api/v1/domains", &admin, &json!({"domain_id": "d1", "name": "Finance"}))
            .await
            .expect(409);
        server.get("/api/v1/metrics/none", &admin).await.expect(404);
        server.put("/api/v1/metrics/m1", &admin, &json!({"name": ""})).await.expect(400);
    }
    let report = breakers(&server, &admin).await;
    for circuit in ["metrics", "domains", "auth"] {
        assert_eq!(report["breakers"][circuit]["status"], "closed");
        assert_eq!(report["breakers"][circuit]["stats"]["failures"], 0);
    }
    assert!(report["breakers"]["metrics"]["stats"]["successes"].as_u64().unwrap() >= 500);
    assert_eq!(report["pool"]["max"], 10);
}

#[actix_web::test]
async fn full_pool_sheds_load_without_opening_circuits() {
    let url = database::fresh().await;
    let options =
        ["--db-pool-max", "1", "--db-connection-timeout", "500", "--anonymous-read", "true"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let client = database::connect(&url).await;
    // Background tasks query metrics, but never domains.
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let holder = server.get("/api/v1/domains/x", "");
    let crowd = async {
        database::until_locked(&url, 1, "%").await;
        for answer in join_all((0..60).map(|_| server.get("/api/v1/metrics", ""))).await {
            let refused = answer.expect_error(503, "OVERLOADED");
            assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert!(!refused.json()["error"]["retryAfter"].is_null());
        }
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (held, ()) = futures_util::future::join(holder, crowd).await;
    held.expect(404);
    for circuit in ["metrics", "domains", "auth"] {
        assert_eq!(status(&server, circuit).await, "closed");
    }
    server.get("/api/v1/metrics", "").await.expect(200);
}

#[actix_web::test]
async fn admins_isolate_close_and_reset_circuits() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, editor) = server.user(&admin, "eva", "editor").await;
    let control = async |token: &str, name: &str, action: &str| {
        let body = json!({"action": action, "reason": "maintenance of the disk"});
        server.post(&format!("/health/circuit-breakers/{name}"), token, &body).await
    };
    let isolated = control(&admin, "metrics", "isolate").await.expect(200).json();
    assert_eq!(isolated["breakers"]["metrics"]["status"], "isolated");
    // Of an isolated circuit nothing is known but that it may be closed at any time.
    let refused = server.get("/api/v1/metrics", &admin).await.expect_error(503, "DATABASE_ERROR");
    assert_eq!(refused.header("retry-after"), "30", "the reset timeout");
    assert_eq!(isolated["breakers"]["metrics"]["retry_after"], 30.0);
    server.get("/api/v1/domains", &admin).await.expect(200);
    let closed = control(&admin, "metrics", "close").await.expect(200).json();
    assert_eq!(closed["breakers"]["metrics"]["status"], "closed");
    server.get("/api/v1/metrics", &admin).await.expect(200);
    control(&admin, "metrics", "reset").await.expect(200);
    assert!(server.logs.text().contains("isolate by admin: maintenance of the disk"));
    control(&editor, "metrics", "isolate").await.expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/health/circuit-breakers", &editor).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/health/circuit-breakers", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    control(&admin, "nothing", "isolate").await.expect_error(404, "NOT_FOUND");
    control(&admin, "metrics", "explode").await.expect_error(400, "VALIDATION_ERROR");
}

#[actix_web::test]
async fn disabled_breaker_never_opens() {
    let proxy = Proxy::start(true).await;
    let options = [&QUICK[..], &["--circuit-breaker-enabled", "false"][..]].concat();
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    proxy.close();
    for answer in join_all((0..20).map(|_| server.get("/api/v1/metrics", &admin))).await {
        answer.expect_error(503, "DATABASE_ERROR");
    }
    assert_eq!(status(&server, "auth").await, "closed");
    proxy.open();
    server.get("/api/v1/metrics", &admin).await.expect(200);
}

#[actix_web::test]
async fn circuit_metrics_are_served_on_the_metrics_listener() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.get("/api/v1/metrics", &admin).await.expect(200);
    let scrape =
        async || reqwest::get(server.metrics.clone().unwrap()).await.unwrap().text().await.unwrap();
    let value = |text: &str, series: &str| -> Option<f64> {
        text.lines()
            .find_map(|line| line.strip_prefix(series))
            .and_then(|rest| rest.trim().parse().ok())
    };
    let text = scrape().await;
    for circuit in ["metrics", "domains", "auth", "api_keys"] {
        assert_eq!(
            value(&text, &format!("circuit_breaker_state{{breaker_name=\"{circuit}\"}}")),
            Some(0.0)
        );
        for state in ["closed", "open", "half-open", "isolated"] {
            let series = format!(
                "circuit_breaker_transitions_total{{breaker_name=\"{circuit}\",to=\"{state}\"}}"
            );
            assert_eq!(value(&text, &series), Some(0.0), "from the start");
        }
    }
    assert_eq!(value(&text, "db_connections_max"), Some(10.0));
    let listed = "db_query_duration_seconds_count{operation=\"list\",table=\"metrics\"}";
    assert_eq!(value(&text, listed), Some(1.0));
    let body = json!({"action": "isolate", "reason": "test"});
    server.post("/health/circuit-breakers/domains", &admin, &body).await.expect(200);
    server.get("/api/v1/domains", &admin).await.expect(503);
    let text = scrape().await;
    assert_eq!(value(&text, "circuit_breaker_state{breaker_name=\"domains\"}"), Some(2.0));
    assert_eq!(
        value(&text, "circuit_breaker_rejections_total{breaker_name=\"domains\"}"),
        Some(1.0)
    );
    server.get("/metrics", &admin).await.expect_error(404, "NOT_FOUND");
    let off = Server::with(&["--metrics-enabled", "false"]).await;
    assert!(off.metrics.is_none());
    off.get("/health", "").await.expect(200);
}

/// The embedded database allows no second connection for probes, so that requests are the probes.
#[actix_web::test]
async fn half_open_circuit_admits_one_probe() {
    let folder = tempfile::tempdir().unwrap();
    let sensitive = ["--circuit-breaker-volume-threshold", "1"];
    let times = ["--circuit-breaker-timeout", "30000", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::embedded_with(folder.path(), &[&sensitive[..], &times].concat()).await;
    let db = server.state().db.clone();
    // A call that the server ends keeps its connection. After one that exceeds its own time limit
    // the embedded database starts anew, and what others wait for meanwhile opens all circuits.
    let ended = db.run(Circuit::Domains, "business_domains.ended", async |conn| {
        let cancelled = "DO $$ BEGIN RAISE EXCEPTION 'slow' USING ERRCODE = '57014'; END $$";
        diesel::sql_query(cancelled).execute(conn).await?;
        Ok(())
    });
    assert!(ended.await.is_err());
    assert_eq!(status(&server, "domains").await, "open");
    let began = Instant::now();
    while db.is_refusing(Circuit::Domains) {
        assert!(began.elapsed() < Duration::from_secs(30), "it refuses all the time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reached = AtomicU32::new(0);
    let outcomes = join_all((0..200).map(|_| {
        db.run(Circuit::Domains, "business_domains.probe", async |conn| {
            reached.fetch_add(1, Ordering::SeqCst);
            diesel::sql_query("SELECT pg_sleep(0.1)").execute(conn).await?;
            Ok(())
        })
    }));
    let refused = outcomes.await.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!((reached.into_inner(), refused), (1, 199));
    assert_eq!(status(&server, "domains").await, "closed");
}
