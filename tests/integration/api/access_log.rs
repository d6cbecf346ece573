//! What the access log says of a request and its response, and at which level.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::database::sql;
use crate::support::{Answer, Server, samples};

/// Returns the only entry of a request.
#[track_caller]
fn entry(server: &Server, answer: &Answer) -> Value {
    let id = answer.header("x-request-id");
    let is_entry = |line: &Value| line["msg"] == "request" && line["request_id"] == id;
    let entries: Vec<_> = server.logs.lines().into_iter().filter(is_entry).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

#[actix_web::test]
async fn entry_names_path_bytes_user_agent_and_reason() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let agent = ("user-agent", "tests/1");
    let plain = [agent, ("accept-encoding", "identity")];
    let get =
        async |path: &str, token: &str| server.send(Method::GET, path, token, &plain, None).await;
    let missing = get("/api/v1/metrics/none", &admin).await.expect(404);
    let line = entry(&server, &missing);
    assert_eq!(
        (&line["path"], &line["code"]),
        (&"/api/v1/metrics/none".into(), &"NOT_FOUND".into())
    );
    assert_eq!(line["route"], "/api/v1/metrics/{id}");
    assert_eq!(
        (&line["user_agent"], &line["bytes"]),
        (&"tests/1".into(), &missing.text.len().into())
    );
    let refused = entry(&server, &get("/api/auth/me", "").await.expect(401));
    assert_eq!(refused["code"], "AUTHENTICATION_ERROR");
    let unmatched = entry(&server, &get("/wp-login.php", "").await.expect(404));
    assert_eq!(
        (&unmatched["path"], &unmatched["route"]),
        (&"/wp-login.php".into(), &"unmatched".into())
    );
    let good = get("/api/v1/metrics", &admin).await.expect(200);
    let line = entry(&server, &good);
    assert_eq!((&line["code"], &line["bytes"]), (&Value::Null, &good.text.len().into()));
    let head = server.send(Method::HEAD, "/api/v1/metrics", &admin, &plain, None).await;
    assert_eq!(entry(&server, &head)["bytes"], 0);
}

#[actix_web::test]
async fn bytes_of_a_compressed_response_are_those_that_were_sent() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for number in 0..10 {
        let metric = samples::metric(&format!("m{number}"));
        server.post("/api/v1/metrics", &admin, &metric).await.expect(201);
    }
    let plain = [("accept-encoding", "identity")];
    let plain = server.send(Method::GET, "/api/v1/metrics", &admin, &plain, None).await.expect(200);
    // The length of what the client decompresses is not that of the body.
    let headers = [("accept-encoding", "gzip")];
    let packed = server.send(Method::GET, "/api/v1/metrics", &admin, &headers, None).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let bytes = entry(&server, &packed)["bytes"].as_u64().unwrap();
    assert!(bytes > 100 && bytes < plain.text.len() as u64 / 2, "{bytes}");
}

#[actix_web::test]
async fn level_depends_on_the_outcome() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let level = async |path: &str, status: u16| {
        entry(&server, &server.get(path, &admin).await.expect(status))["level"].clone()
    };
    for (path, status, expected) in [
        ("/health", 200, "DEBG"),
        ("/health/ready", 200, "DEBG"),
        ("/health/circuit-breakers", 200, "INFO"),
        ("/api/v1/metrics/none", 404, "INFO"),
    ] {
        assert_eq!(level(path, status).await, expected, "{path}");
    }
    server.reading("http_connections_open").await;
    let scrapes: Vec<_> = server.logs.lines();
    let scrapes = scrapes.iter().filter(|line| line["path"] == "/metrics");
    assert!(scrapes.clone().count() > 0 && scrapes.clone().all(|line| line["level"] == "DEBG"));

    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &samples::metric("m1")).await.expect(201);
    let isolate = json!({"action": "isolate", "reason": "test"});
    server.post("/health/circuit-breakers/domains", &admin, &isolate).await.expect(200);
    let refused = server.get("/api/v1/domains?limit=7", &admin).await.expect(503);
    let line = entry(&server, &refused);
    assert_eq!(json!([line["level"], line["code"]]), json!(["ERRO", "DATABASE_ERROR"]));
    sql(&server.database_url, "ALTER TABLE metric_revisions RENAME TO hidden").await;
    let failed = server.get("/api/v1/metrics/m1/history", &admin).await.expect(500);
    let line = entry(&server, &failed);
    assert_eq!(json!([line["level"], line["code"]]), json!(["ERRO", "INTERNAL_ERROR"]));
}
