//! What the circuit breaker writes to the log, and what it reports: each event has one message and
//! its fields, and repeated ones are counted.

use std::time::{Duration, Instant};

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use mdl::actors::db_breaker::{Circuit, Control, DbError};
use mdl::storage::StorageError;
use serde_json::{Value, json};

use crate::support::logs::Captured;
use crate::support::proxy::Proxy;
use crate::support::{Server, database};

/// Waits until an event is in the log that fulfils a condition.
async fn event(logs: &Captured, message: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(event) = logs.events(message).into_iter().find(|event| is_meant(event)) {
            return event;
        }
        assert!(Instant::now() < until, "never: {message}\n{}", logs.text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Removes what every event has, and what depends on time.
fn fields(mut event: Value) -> Value {
    let event_fields = event.as_object_mut().unwrap();
    event_fields.retain(|name, _| !["ts", "msg"].contains(&name.as_str()));
    event
}

async fn refuse(server: &Server, circuit: Circuit, times: usize) {
    let db = server.state().db.clone();
    for _ in 0..times {
        let refused = db.run(circuit, "server.ping", async |_| Ok(())).await;
        assert!(matches!(refused, Err(DbError::Unavailable { .. })), "{refused:?}");
    }
}

#[actix_web::test]
async fn transitions_are_logged_with_their_fields() {
    let proxy = Proxy::start(true).await;
    let options = ["--circuit-breaker-reset-timeout", "1000", "--db-connection-timeout", "300"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let logs = server.logs.clone();
    proxy.close();
    let db = server.state().db.clone();
    let call = async || {
        db.run(Circuit::Domains, "business_domains.list", async |conn| {
            diesel::sql_query("SELECT 1").execute(conn).await?;
            Ok(())
        })
        .await
    };
    while logs.events("circuit opened").is_empty() {
        call().await.unwrap_err();
    }
    for circuit in ["metrics", "domains", "auth", "api_keys"] {
        let opened = event(&logs, "circuit opened", |event| event["circuit"] == circuit).await;
        assert_eq!((&opened["level"], &opened["threshold_percent"]), (&json!("ERRO"), &json!(50)));
        let (failures, volume) = (opened["failures"].as_u64(), opened["volume"].as_u64());
        assert!(failures <= volume, "{opened}");
        assert!((1..=1000).contains(&opened["retry_after_ms"].as_u64().unwrap()), "{opened}");
        assert!(!opened["cause"].as_str().unwrap().is_empty(), "{opened}");
    }
    // Of several failures at once, those of a circuit may be enough before the probe fails.
    let by_probe = logs
        .events("circuit opened")
        .into_iter()
        .filter(|opened| opened["cause"].as_str().unwrap().starts_with("server unavailable: "));
    assert!(by_probe.count() >= 1, "{:?}", logs.events("circuit opened"));
    let failed = event(&logs, "database probe failed", |_| true).await;
    assert_eq!(failed["level"], "WARN");
    assert!(failed["retry_after_ms"].as_u64().unwrap() <= 1000 && failed["cause"].is_string());
    let half_open = event(&logs, "circuit half-open", |_| true).await;
    assert_eq!(half_open["level"], "INFO");
    proxy.open();
    for circuit in ["metrics", "domains", "auth", "api_keys"] {
        let closed = event(&logs, "circuit closed", |event| event["circuit"] == circuit).await;
        assert_eq!(
            (&closed["level"], &closed["cause"]),
            (&json!("INFO"), &json!("the probe succeeded"))
        );
        assert!(closed["open_for_ms"].as_u64().unwrap() >= 1, "{closed}");
    }
    // A failed probe does not open a circuit again: each of the four opened once.
    assert_eq!(logs.events("circuit opened").len(), 4);
    call().await.unwrap();
    let reason = "isolate by admin: maintenance".to_owned();
    db.control(Circuit::Auth, Control::Isolate, reason.clone()).await.unwrap();
    let isolated = event(&logs, "circuit isolated", |_| true).await;
    assert_eq!(fields(isolated), json!({"level": "WARN", "circuit": "auth", "reason": reason}));
}

#[actix_web::test]
async fn flood_of_rejections_is_a_handful_of_events_that_add_up() {
    let server = Server::start().await;
    let logs = server.logs.clone();
    let db = server.state().db.clone();
    db.control(Circuit::Domains, Control::Isolate, "test".into()).await.unwrap();
    // One rejection is logged, too, at the next tick.
    refuse(&server, Circuit::Domains, 1).await;
    let first = event(&logs, "request rejected by open circuit", |_| true).await;
    assert_eq!(
        fields(first),
        json!({"level": "WARN", "circuit": "domains", "state": "isolated",
            "retry_after_ms": 30_000})
    );
    refuse(&server, Circuit::Domains, 9_999).await;
    server.stop().await;
    let events = logs.events("request rejected by open circuit");
    let counted: u64 = events.iter().map(|event| event["repeated"].as_u64().unwrap_or(1)).sum();
    assert_eq!(counted, 10_000, "{events:?}");
    assert!(events.len() <= 4, "{events:?}");
}

#[actix_web::test]
async fn rejections_in_an_outage_have_the_state_of_their_circuit() {
    let server = Server::start().await;
    let logs = server.logs.clone();
    let db = server.state().db.clone();
    db.control(Circuit::Metrics, Control::Isolate, "test".into()).await.unwrap();
    refuse(&server, Circuit::Metrics, 3).await;
    // Closed before the next tick: the rejections are still those of the isolated circuit.
    db.control(Circuit::Metrics, Control::Close, "test".into()).await.unwrap();
    let first = event(&logs, "request rejected by open circuit", |_| true).await;
    assert_eq!((&first["circuit"], &first["state"]), (&json!("metrics"), &json!("isolated")));
}

#[actix_web::test]
async fn timeouts_are_logged_with_kind_and_limit_and_counted() {
    let url = database::fresh().await;
    let options =
        ["--circuit-breaker-timeout", "2000", "--circuit-breaker-volume-threshold", "1000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    server.warm(6).await;
    let logs = server.logs.clone();
    let db = server.state().db.clone();
    let run = |circuit, operation, sql: &'static str| {
        db.run(circuit, operation, async move |conn| {
            conn.batch_execute(sql).await.map_err(StorageError::from)
        })
    };
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    // The server does not answer: its limit is switched off.
    let deadline = "SET statement_timeout = 0; SELECT pg_sleep(30)";
    let outcomes = join_all([
        run(Circuit::Domains, "business_domains.list", "SELECT * FROM business_domains"),
        run(Circuit::Metrics, "metrics.list", "SELECT pg_sleep(30)"),
        run(Circuit::Auth, "users.list", deadline),
        run(Circuit::Auth, "users.list", deadline),
        run(Circuit::Auth, "users.list", deadline),
    ])
    .await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(DbError::Failed { .. }))));
    for (circuit, operation, kind, limit) in [
        ("domains", "business_domains.list", "lock", 900),
        ("metrics", "metrics.list", "statement", 1800),
        ("auth", "users.list", "deadline", 2000),
    ] {
        let found =
            event(&logs, "database call timed out", |event| event["circuit"] == circuit).await;
        assert_eq!(
            fields(found),
            json!({"level": "WARN", "circuit": circuit, "operation": operation, "kind": kind,
                "limit_ms": limit})
        );
    }
    client.batch_execute("COMMIT").await.unwrap();
    let admin = server.admin().await;
    let report = server.get("/health/circuit-breakers", &admin).await.expect(200).json();
    for (circuit, cause, count) in [
        ("domains", "lock_timeout", 1),
        ("metrics", "statement_timeout", 1),
        ("auth", "deadline", 3),
    ] {
        let stats = &report["breakers"][circuit]["stats"];
        assert_eq!(stats["timeouts"], count, "{circuit}: {stats}");
        assert_eq!(stats["failures_by_cause"][cause], count, "{circuit}: {stats}");
    }
    server.stop().await;
    let auth = logs.events("database call timed out");
    let auth = auth.iter().filter(|event| event["circuit"] == "auth");
    let counts: Vec<_> = auth.map(|event| event["repeated"].as_u64().unwrap_or(1)).collect();
    assert_eq!(counts, [1, 2], "the first at once, the others as a count");
}

#[actix_web::test]
async fn report_has_totals_window_latency_and_named_transitions() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for _ in 0..20 {
        server.get("/api/v1/metrics/none", &admin).await.expect(404);
    }
    let control = async |action: &str| {
        let body = json!({"action": action, "reason": "test"});
        server.post("/health/circuit-breakers/domains", &admin, &body).await.expect(200).json()
    };
    for _ in 0..6 {
        control("isolate").await;
        control("close").await;
    }
    let report = control("reset").await;
    let metrics = &report["breakers"]["metrics"];
    assert!(metrics["stats"]["successes"].as_u64().unwrap() >= 20, "{metrics}");
    let window = &metrics["window"];
    assert!(window["successes"].as_u64().unwrap() >= 20, "{window}");
    assert_eq!(
        (&window["failures"], &window["timeouts"], &window["failure_rate"]),
        (&json!(0), &json!(0), &json!(0.0))
    );
    let latency = |name: &str| window["latency_ms"][name].as_f64().unwrap();
    assert!(latency("mean") > 0.0, "{window}");
    assert!(latency("p50") <= latency("p95") && latency("p95") <= latency("p99"), "{window}");
    let domains = &report["breakers"]["domains"];
    assert_eq!(
        domains["stats"]["transitions"],
        json!({"closed": 7, "open": 0, "half-open": 0, "isolated": 6})
    );
    let transitions = domains["last_transitions"].as_array().unwrap();
    assert_eq!(transitions.len(), 10);
    let (newest, before) = (&transitions[0], &transitions[1]);
    assert_eq!((&newest["from"], &newest["to"]), (&json!("closed"), &json!("closed")));
    assert_eq!((&before["from"], &before["to"]), (&json!("isolated"), &json!("closed")));
    assert_eq!(newest["cause"], "reset by admin: test");
    let at = |transition: &Value| {
        chrono::DateTime::parse_from_rfc3339(transition["at"].as_str().unwrap()).unwrap()
    };
    assert!(transitions.windows(2).all(|pair| at(&pair[0]) >= at(&pair[1])), "newest first");
    assert_eq!(newest["at"], domains["since"]);
}
