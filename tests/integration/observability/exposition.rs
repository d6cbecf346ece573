//! The exposition for Prometheus is complete, documented and bounded.

use std::collections::BTreeSet;

use mdl::telemetry::instruments::families::ALL;
use mdl::telemetry::instruments::family::{LabelValues, MetricFamily, MetricKind};
use mdl::telemetry::instruments::reference;
use reqwest::Method;
use serde_json::json;

use crate::observability::tools::run;
use crate::support::{ADMIN_PASSWORD, Server, json_body};

pub async fn scrape(server: &Server) -> String {
    reqwest::get(server.metrics.as_ref().unwrap()).await.unwrap().text().await.unwrap()
}

/// Returns all series without their values.
pub fn series(exposition: &str) -> BTreeSet<String> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

/// Returns the series that exist from the start: all combinations of fixed label values.
fn initial_series(family: &MetricFamily) -> Vec<String> {
    let mut combinations = vec![BTreeSet::new()];
    for (name, values) in family.labels {
        let LabelValues::Fixed(values) = values else { return Vec::new() };
        let one = |known: &BTreeSet<String>, value: &str| {
            known.iter().cloned().chain([format!("{name}=\"{value}\"")]).collect::<BTreeSet<_>>()
        };
        combinations = combinations
            .iter()
            .flat_map(|known| values.iter().map(|value| one(known, value)))
            .collect();
    }
    let suffix = if matches!(family.kind, MetricKind::Histogram(_)) { "_count" } else { "" };
    let series = |labels: &BTreeSet<String>| {
        let labels = labels.iter().cloned().collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        format!("{}{suffix}{labels}", family.name)
    };
    combinations.iter().map(series).collect()
}

#[test]
fn reference_matches_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    if std::env::var_os("MDL_WRITE_REFERENCE").is_some() {
        std::fs::write(path, reference::markdown()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(written, reference::markdown(), "regenerate it with scripts/metrics-reference");
}

#[actix_web::test]
async fn all_families_are_exposed_and_promtool_accepts_them() {
    let server = Server::start().await;
    let at_the_start = series(&scrape(&server).await);
    for family in ALL {
        for series in initial_series(family) {
            assert!(at_the_start.contains(&series), "{series}");
        }
    }
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.get("/api/v1/metrics", &admin).await.expect(200);
    let metric = crate::support::samples::metric("m1");
    server.post("/api/v1/metrics", &admin, &metric).await.expect(201);
    let text = scrape(&server).await;
    for family in ALL {
        let kind = match family.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        assert!(
            text.contains(&format!("# HELP {} {}\n", family.name, family.help)),
            "{}",
            family.name
        );
        assert!(text.contains(&format!("# TYPE {} {kind}\n", family.name)), "{}", family.name);
        let label = |name: &str| {
            text.lines().any(|l| l.starts_with(family.name) && l.contains(&format!("{name}=\"")))
        };
        assert!(family.labels.iter().all(|(name, _)| label(name)), "{}", family.name);
    }
    let documented: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
    let served = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in served {
        assert!(
            documented.contains(name) || name.starts_with("process_"),
            "{name} is not documented"
        );
    }
    // One warning is known: dashboards use this name for a gauge.
    let checked = run("promtool", &["check", "metrics"], &text);
    let output = String::from_utf8_lossy(&checked.stderr).into_owned()
        + &String::from_utf8_lossy(&checked.stdout);
    let warnings: Vec<&str> =
        output.lines().filter(|line| !line.starts_with("active_users_total ")).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    // The check itself finds errors.
    assert!(!run("promtool", &["check", "metrics"], "# TYPE x counter\nx 1\n").status.success());
    server.stop().await;
}

#[actix_web::test]
async fn unknown_paths_and_methods_add_no_series() {
    let server = Server::start().await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    // One unknown path and method each create their series.
    for method in methods {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        server.send(method.clone(), "/nowhere", "", &[], None).await;
        server.send(method, "/api/v1/metrics/x", "", &[], None).await;
    }
    // So does the first scrape.
    scrape(&server).await;
    let before = series(&scrape(&server).await);
    let server = std::sync::Arc::new(server);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let server = server.clone();
            actix_web::rt::spawn(async move {
                for number in 0..1250 {
                    let random: u64 = rand::random();
                    let method = match number % 3 {
                        0 => methods[usize::try_from(random % 9).unwrap()].to_owned(),
                        _ => format!("M{random:x}"),
                    };
                    let path = match number % 4 {
                        0 => format!("/api/v1/metrics/{random:x}"),
                        1 => format!("/{random:x}/{client}?q={random}"),
                        2 => format!("/api/{random:x}/%2e%2e/{{id}}"),
                        _ => format!("/wp-admin/{random:x}.php"),
                    };
                    server
                        .send(Method::from_bytes(method.as_bytes()).unwrap(), &path, "", &[], None)
                        .await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let after = series(&scrape(&server).await);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{} new: {:?}", new.len(), &new[..new.len().min(5)]);
}

#[actix_web::test]
async fn each_event_is_counted_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.login("admin", "wrong").await.expect(401);
    server.domains(&admin).await;
    let metric = crate::support::samples::metric("m1");
    let (tier, category) = (metric["tier"].as_str().unwrap(), metric["category"].as_str().unwrap());
    let created = format!("metrics_created_total{{category=\"{category}\",tier=\"{tier}\"}}");
    let once = [("idempotency-key", "k")];
    for _ in 0..2 {
        server
            .send(Method::POST, "/api/v1/metrics", &admin, &once, Some(json_body(&metric)))
            .await
            .expect(201);
    }
    assert!(
        (server.reading(&created).await - 1.0).abs() < f64::EPSILON,
        "sent twice, created once"
    );
    let second = crate::support::samples::metric("m2");
    let import = json!({"metrics": [metric, second]});
    server.post("/api/v1/import?dry_run=true", &admin, &import).await.expect(200);
    server.post("/api/v1/import", &admin, &import).await.expect(200);
    assert!(
        (server.reading(&created).await - 2.0).abs() < f64::EPSILON,
        "an import counts only new metrics"
    );
    let requests = |method: &str, route: &str, status: u16| {
        format!(
            "http_requests_total{{method=\"{method}\",route=\"{route}\",status_code=\"{status}\"}}"
        )
    };
    assert!(
        (server.reading(&requests("POST", "/api/v1/metrics", 201)).await - 2.0).abs()
            < f64::EPSILON
    );
    assert!(
        (server.reading(&requests("POST", "/api/auth/login", 401)).await - 1.0).abs()
            < f64::EPSILON
    );
    // Users with a session are counted in the background.
    let (_, user) = server.user(&admin, "reader", "viewer").await;
    for _ in 0..100 {
        if (server.reading("active_users_total").await - 2.0).abs() < f64::EPSILON {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!((server.reading("active_users_total").await - 2.0).abs() < f64::EPSILON);
    assert!(!user.is_empty() && !ADMIN_PASSWORD.is_empty());
    server.stop().await;
}

#[actix_web::test]
async fn disabled_metrics_leave_the_api_working() {
    let server = Server::with(&["--metrics-enabled", "false"]).await;
    assert!(server.metrics.is_none());
    let admin = server.admin().await;
    server.get("/metrics", &admin).await.expect(404);
    server.get("/api/v1/metrics", &admin).await.expect(200);
    server.stop().await;
}
