//! Traces that are exported to a collector: which requests have spans, what these say, and that
//! nothing waits for the collector.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

use super::collector::{Collector, attribute, hexadecimal};
use super::exposition::scrape;
use crate::support::samples::metric;
use crate::support::{Answer, Server, json_body};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Starts a service that exports to the collector.
async fn exporting(collector: &Collector, options: &[&str]) -> Server {
    let endpoint = ["--otel-exporter-otlp-endpoint", &collector.endpoint];
    Server::with(&[&endpoint[..], options].concat()).await
}

async fn in_trace(
    server: &Server,
    method: Method,
    path: &str,
    token: &str,
    (flags, body): (&str, Option<&Value>),
) -> Answer {
    let parent = format!("00-{TRACE}-{CALLER}-{flags}");
    server.send(method, path, token, &[("traceparent", &parent)], body.map(json_body)).await
}

/// Returns the spans within this one.
fn children(spans: &[Span], parent: &Span) -> Vec<Span> {
    let of_parent = |span: &&Span| span.parent_span_id == parent.span_id;
    spans.iter().filter(of_parent).cloned().collect()
}

#[actix_web::test]
async fn request_and_its_queries_are_part_of_the_trace_of_the_caller() {
    let collector = Collector::start();
    let headers = ["--otel-exporter-otlp-headers", "authorization=Bearer%20canary"];
    let server = exporting(&collector, &headers).await;
    let admin = server.admin().await;
    let body = metric("churn");
    server.domains(&admin).await;
    in_trace(&server, Method::POST, "/api/v1/metrics", &admin, ("01", Some(&body)))
        .await
        .expect(201);
    in_trace(&server, Method::GET, "/api/v1/metrics/churn?secret=canary", &admin, ("01", None))
        .await
        .expect(400);
    let refused = collector.spans("GET /api/v1/metrics/{id}", 1).await.remove(0);
    let created = collector.spans("POST /api/v1/metrics", 1).await.remove(0);
    for (span, status) in [(&created, "201"), (&refused, "400")] {
        assert_eq!(hexadecimal(&span.trace_id), TRACE);
        assert_eq!(hexadecimal(&span.parent_span_id), CALLER);
        assert_eq!(span.kind(), SpanKind::Server);
        assert_eq!(span.status.clone().unwrap_or_default().code(), StatusCode::Unset);
        assert_eq!(attribute(&span.attributes, "http.response.status_code").unwrap(), status);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    assert_eq!(attribute(&refused.attributes, "url.path").unwrap(), "/api/v1/metrics/churn");
    assert_eq!(attribute(&refused.attributes, "http.route").unwrap(), "/api/v1/metrics/{id}");
    assert_eq!(attribute(&refused.attributes, "error.type").unwrap(), "VALIDATION_ERROR");
    let received = collector.received();
    assert_eq!(attribute(&received.resource, "service.name").unwrap(), "mdl");
    assert_eq!(received.authorization[0], "Bearer canary");
    let spans = format!("{:?}", received.spans);
    assert!(!spans.contains("canary") && !spans.contains(&admin), "{spans}");
    // A write runs as a task of its own, and is still within its request.
    let queries = children(&received.spans, &created);
    let insert = queries.iter().find(|span| span.name.starts_with("metrics.")).expect("a query");
    assert_eq!(insert.kind(), SpanKind::Client);
    assert_eq!(hexadecimal(&insert.trace_id), TRACE);
    assert_eq!(attribute(&insert.attributes, "mdl.circuit").unwrap(), "metrics");
    assert!(insert.start_time_unix_nano >= created.start_time_unix_nano);
    assert!(insert.end_time_unix_nano <= created.end_time_unix_nano);
    server.stop().await;
}

#[actix_web::test]
async fn request_of_no_trace_begins_one_that_the_log_names() {
    let collector = Collector::start();
    let server = exporting(&collector, &[]).await;
    let missing = server.get("/api/v1/metrics/missing", "").await.expect(401).json();
    let span = collector.spans("GET /api/v1/metrics/{id}", 1).await.remove(0);
    assert_eq!(missing["traceId"], hexadecimal(&span.trace_id), "{missing}");
    assert!(span.parent_span_id.is_empty());
    let logged = server.logs.events("request");
    let logged = logged.iter().find(|event| event["path"] == "/api/v1/metrics/missing").unwrap();
    assert_eq!(logged["trace_id"], hexadecimal(&span.trace_id));
    server.stop().await;
}

#[actix_web::test]
async fn probes_and_assets_have_no_spans_and_the_rest_is_exported_at_shutdown() {
    let collector = Collector::start();
    let server = exporting(&collector, &[]).await;
    for path in ["/health", "/health/ready", "/health/live"] {
        server.get(path, "").await;
    }
    server.get("/api/v1/domains", "").await.expect(401);
    server.get("/nowhere", "").await.expect(404);
    let brew = Method::from_bytes(b"BREW").unwrap();
    server.send(brew, "/nowhere", "", &[], None).await;
    // Sooner than spans are gathered.
    server.stop().await;
    let mut names: Vec<String> =
        collector.received().spans.into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["GET", "GET /api/v1/domains", "HTTP"]);
}

#[actix_web::test]
async fn sampler_decides_and_by_default_the_caller_does() {
    let ratio = ["--otel-traces-sampler-arg", "0", "--otel-traces-sampler"];
    for (options, flags, is_exported) in [
        (&[][..], "00", false),
        (&[][..], "01", true),
        (&[ratio[0], ratio[1], ratio[2], "parentbased_traceidratio"], "01", true),
        (&[ratio[0], ratio[1], ratio[2], "traceidratio"], "01", false),
        (&["--otel-traces-sampler", "always_on"], "00", true),
        (&["--otel-traces-sampler", "always_off"], "01", false),
    ] {
        let collector = Collector::start();
        let server = exporting(&collector, options).await;
        let path = "/api/v1/metrics/missing";
        let answer = in_trace(&server, Method::GET, path, "", (flags, None)).await.expect(401);
        // The id of the caller's trace is recorded, whether or not its spans are.
        assert_eq!(answer.json()["traceId"], TRACE);
        server.stop().await;
        let spans = collector.received().spans;
        assert_eq!(!spans.is_empty(), is_exported, "{options:?} {flags} {spans:?}");
    }
}

#[actix_web::test]
async fn failed_query_and_its_request_are_errors() {
    let collector = Collector::start();
    let server = exporting(&collector, &[]).await;
    let admin = server.admin().await;
    let body = json!({"action": "isolate", "reason": "test"});
    server.post("/health/circuit-breakers/domains", &admin, &body).await.expect(200);
    server.get("/api/v1/domains", &admin).await.expect(503);
    let request = collector.spans("GET /api/v1/domains", 1).await.remove(0);
    let spans = collector.received().spans;
    let query = children(&spans, &request);
    let query = query
        .iter()
        .find(|span| attribute(&span.attributes, "mdl.circuit").as_deref() == Some("domains"));
    assert_eq!(
        attribute(&query.expect("a query").attributes, "error.type").unwrap(),
        "unavailable"
    );
    for span in [&request, query.unwrap()] {
        assert_eq!(span.status.clone().unwrap().code(), StatusCode::Error, "{span:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn collector_that_is_away_costs_its_spans_and_one_warning() {
    // Bound and closed, so that nothing listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let server = Server::with(&["--otel-exporter-otlp-endpoint", &endpoint]).await;
    // Two batches, one after the other.
    for requests in [20, 40] {
        for _ in 0..20 {
            server.get("/api/v1/domains", "").await.expect(401);
        }
        let began = Instant::now();
        let failed = format!("trace_spans_total{{outcome=\"failed\"}} {requests}");
        while !scrape(&server).await.contains(&failed) {
            assert!(began.elapsed() < Duration::from_mins(1), "{}", scrape(&server).await);
            server.get("/health", "").await.expect(200);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(scrape(&server).await.contains("trace_spans_buffered 0"));
    let warnings = server.logs.events("failed to export traces");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let cause = warnings[0]["error"].as_str().unwrap();
    assert!(cause.contains("refused") && !cause.contains(&endpoint), "{cause}");
    server.stop().await;
}
