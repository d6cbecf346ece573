//! One shape for whatever goes wrong, one log line for whatever happens, and nothing secret in any
//! of them.

use reqwest::Method;
use serde_json::json;

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database, json_body, refresh_token, token};

#[actix_web::test]
async fn unknown_routes_and_wrong_methods() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for path in ["/", "/nothing", "/api", "/api/v2/metrics", "/api/v1/metrics/a/b/c", "/api/auth/"]
    {
        server.get(path, &admin).await.expect_error(404, "NOT_FOUND");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/metrics", "GET, HEAD, POST"),
        (Method::PATCH, "/api/v1/metrics/x", "GET, HEAD, PUT, DELETE"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::GET, "/api/auth/login", "POST"),
        (Method::OPTIONS, "/api/v1/metrics", "GET, HEAD, POST"),
        (Method::PUT, "/api/v1/metrics/x/history", "GET, HEAD"),
    ] {
        let answer =
            server.send(method, path, "", &[], None).await.expect_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[actix_web::test]
async fn our_own_faults_leak_nothing_and_are_logged_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let unhinged = "ALTER TABLE metric_revisions RENAME COLUMN changed_by TO changed_by_nobody";
    database::sql(&server.database_url, unhinged).await;
    let answer =
        server.get("/api/v1/metrics/m1/history", &admin).await.expect_error(500, "INTERNAL_ERROR");
    assert!(!answer.text.contains("changed_by") && !answer.text.contains("column"));
    let id = answer.header("x-request-id");
    let told: Vec<_> = server
        .logs
        .lines()
        .into_iter()
        .filter(|line| line["request_id"] == id && line.get("error").is_some())
        .collect();
    assert_eq!(told.len(), 1);
    assert!(told[0]["error"].as_str().unwrap().contains("changed_by"), "{told:?}");
    // A healthy database refused a bad statement: everything else goes on.
    server.get("/api/v1/metrics/m1", &admin).await.expect(200);
}

#[actix_web::test]
async fn one_line_a_request_with_its_fields() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let answer = server.get("/api/v1/metrics/none?x=secret-query", &admin).await;
    let id = answer.header("x-request-id").to_owned();
    let lines: Vec<_> =
        server.logs.lines().into_iter().filter(|line| line["request_id"] == id.as_str()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(line["msg"], "request");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/api/v1/metrics/{id}");
    assert_eq!(line["status"], 404);
    assert_eq!(line["user"], "admin");
    assert_eq!(line["client"], "127.0.0.1");
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
}

#[actix_web::test]
async fn nothing_secret_is_ever_logged() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let (access, refresh) = (token(&tokens), refresh_token(&tokens));
    server.login("admin", "canary-wrong-password").await.expect(401);
    let registration = json!({"username": "canary", "email": "c@example.com", "password": "canary-registration", "full_name": "C"});
    server.post("/api/auth/register", "", &registration).await.expect(400);
    server.post("/api/auth/refresh", "", &json!({"refresh_token": refresh})).await.expect(200);
    server
        .post("/api/auth/refresh", "", &json!({"refresh_token": "canary-refresh"}))
        .await
        .expect(401);
    let change =
        json!({"current_password": "canary-current", "new_password": "canary-new-password"});
    server.post("/api/auth/change-password", &access, &change).await.expect(403);
    server.get("/api/v1/metrics?search=canary-query", &access).await.expect(200);
    server
        .send(Method::GET, "/api/auth/me", "", &[("x-api-key", "mdl_canary")], None)
        .await
        .expect(401);
    let headers = [("cookie", "session=canary-cookie"), ("authorization", "Basic canary-basic")];
    server
        .send(
            Method::POST,
            "/api/v1/metrics",
            "",
            &headers,
            Some(json_body(&json!({"a": "canary-body"}))),
        )
        .await;
    let text = server.logs.text();
    for secret in [
        ADMIN_PASSWORD,
        PASSWORD,
        access.as_str(),
        refresh.as_str(),
        "canary-",
        "mdl_canary",
        "only-for-tests",
    ] {
        assert!(!text.contains(secret), "{secret} was logged");
    }
}

/// No handler of ours panics on purpose, so one is put behind the same frame.
#[actix_web::test]
async fn a_panic_costs_one_request_and_tells_nothing() {
    use actix_web::middleware::from_fn;
    use actix_web::{App, test, web};

    async fn panics() -> &'static str {
        panic!("the cause")
    }

    let server = Server::start().await;
    let app = App::new()
        .app_data(server.state())
        // Writes run as a task of their own, whose panic is the request's all the same.
        .wrap(from_fn(mdl::http::middleware::run_to_end::run_to_end))
        .wrap(from_fn(mdl::http::middleware::access_log::frame))
        .route("/panic", web::post().to(panics));
    let app = test::init_service(app).await;
    let error = test::try_call_service(&app, test::TestRequest::post().uri("/panic").to_request())
        .await
        .unwrap_err();
    let answer = error.error_response();
    assert_eq!(answer.status(), 500);
    assert!(answer.headers().contains_key("x-request-id"));
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["code"], "INTERNAL_ERROR");
    assert!(!body.to_string().contains("the cause"));
    assert!(server.logs.text().contains("the cause"));
    // The one failure that has no answer to be counted by.
    assert!(
        (server.reading("http_server_errors_total{status_code=\"500\"}").await - 1.0).abs()
            < f64::EPSILON
    );
}

#[actix_web::test]
async fn answers_are_compressed_for_who_asks() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for encoding in ["gzip", "br", "zstd"] {
        let asked = [("accept-encoding", encoding)];
        let answer = server
            .send(Method::GET, "/api-docs/openapi.json", &admin, &asked, None)
            .await
            .expect(200);
        assert_eq!(answer.header("content-encoding"), encoding);
    }
}
