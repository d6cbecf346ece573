//! `traceparent` (W3C Trace Context): the trace of a request is in its log events, in the audit log
//! and in the body of an error. Which values are valid is tested beside `http::request::trace_id`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::audit_refusals::refusals;
use crate::support::{Answer, Server, json_body};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const INVALID: &str = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";

async fn get(server: &Server, path: &str, token: &str, headers: &[(&str, &str)]) -> Answer {
    server.send(Method::GET, path, token, headers, None).await
}

/// Returns the event of the access log about a response.
fn logged(server: &Server, answer: &Answer) -> Value {
    let id = answer.header("x-request-id");
    let lines = server.logs.lines();
    let of_request = |line: &&Value| line["msg"] == "request" && line["request_id"] == id;
    lines.iter().find(of_request).unwrap_or_else(|| panic!("no event of {id}")).clone()
}

#[actix_web::test]
async fn trace_of_a_request_is_in_log_audit_and_error() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let headers = [("traceparent", VALID), ("tracestate", "vendor=1")];
    let body = Some(json_body(&json!({"domain_id": "d", "name": "D"})));
    let created = server.send(Method::POST, "/api/v1/domains", &admin, &headers, body).await;
    let created = created.expect(201);
    assert_eq!(logged(&server, &created)["trace_id"], TRACE);
    let rows = server.get("/api/v1/audit?target=D", &admin).await.expect(200);
    assert_eq!(rows.json()["data"][0]["trace_id"], TRACE, "{}", rows.text);
    let lines = server.logs.lines();
    assert!(lines.iter().any(|line| line["msg"] == "audit" && line["trace_id"] == TRACE));

    let missing = get(&server, "/api/v1/domains/none", &admin, &headers).await.expect(404);
    assert_eq!(missing.json()["traceId"], TRACE, "{}", missing.text);
    assert_eq!(logged(&server, &missing)["trace_id"], TRACE);

    let (_, eva) = server.user(&admin, "eva", "viewer").await;
    get(&server, "/api/v1/audit", &eva, &headers).await.expect(403);
    let refused = refusals(&server, &admin, "access.forbidden", 1).await;
    assert_eq!(refused[0]["trace_id"], TRACE, "{refused:?}");
}

#[actix_web::test]
async fn cached_response_is_logged_with_the_trace_of_each_request() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let path = "/api/v1/domains?limit=5";
    for number in 1..=3 {
        let value = format!("00-{number:032x}-00f067aa0ba902b7-00");
        let answer = get(&server, path, &admin, &[("traceparent", &value)]).await.expect(200);
        assert_eq!(logged(&server, &answer)["trace_id"], format!("{number:032x}"));
        assert_eq!(answer.header("traceparent"), "");
    }
    assert!(server.reading("response_cache_lookups_total{outcome=\"hit\"}").await >= 2.0);
    let answer = get(&server, path, &admin, &[]).await.expect(200);
    assert_eq!(logged(&server, &answer).get("trace_id"), None);
}

#[actix_web::test]
async fn request_without_valid_traceparent_has_its_own_ids_only() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let twice = [("traceparent", VALID), ("traceparent", VALID)];
    for headers in [&[][..], &[("traceparent", INVALID)], &twice, &[("tracestate", "a=b")]] {
        let answer = get(&server, "/api/v1/domains/none", &admin, headers).await.expect(404);
        let event = logged(&server, &answer);
        assert_eq!(answer.json().get("traceId"), None, "{headers:?}: {}", answer.text);
        assert_eq!(event.get("trace_id"), None, "{headers:?}: {event}");
        assert!(event["server_request_id"].is_string());
    }
    let body = Some(json_body(&json!({"domain_id": "d", "name": "D"})));
    let header = [("traceparent", INVALID)];
    server.send(Method::POST, "/api/v1/domains", &admin, &header, body).await.expect(201);
    let rows = server.get("/api/v1/audit?target=D", &admin).await.expect(200);
    assert_eq!(rows.json()["data"][0]["trace_id"], Value::Null, "{}", rows.text);
}

#[actix_web::test]
async fn scripts_of_other_origins_may_send_a_trace() {
    let site = "https://app.example.com";
    let server = Server::with(&["--cors-origin", site]).await;
    let preflight = [
        ("origin", site),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "traceparent,tracestate"),
    ];
    let answer = server.send(Method::OPTIONS, "/api/v1/metrics", "", &preflight, None).await;
    let allowed = answer.header("access-control-allow-headers").to_lowercase();
    assert!(allowed.contains("traceparent") && allowed.contains("tracestate"), "{allowed}");
}
