//! Errors have one format, each request has one log line, and neither contains secrets.

use reqwest::Method;
use serde_json::json;

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database, json_body, refresh_token, token};

#[actix_web::test]
async fn unknown_routes_are_404_and_wrong_methods_405() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for path in ["/", "/nothing", "/api", "/api/v2/metrics", "/api/v1/metrics/a/b/c", "/api/auth/"]
    {
        server.get(path, &admin).await.expect_error(404, "NOT_FOUND");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/metrics", "GET, HEAD, POST"),
        (Method::POST, "/api/v1/metrics/x", "GET, HEAD, PUT, PATCH, DELETE"),
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
async fn internal_errors_expose_nothing_and_are_logged_once() {
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
    let logged: Vec<_> = server
        .logs
        .lines()
        .into_iter()
        .filter(|line| line["request_id"] == id && line.get("error").is_some())
        .collect();
    assert_eq!(logged.len(), 1);
    assert!(logged[0]["error"].as_str().unwrap().contains("changed_by"), "{logged:?}");
    // The statement failed, the database is healthy: the circuit stays closed.
    server.get("/api/v1/metrics/m1", &admin).await.expect(200);
}

#[actix_web::test]
async fn access_log_has_one_line_per_request() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let answer = server.get("/api/v1/metrics/none/history?limit=7", &admin).await;
    let id = answer.header("x-request-id").to_owned();
    let lines: Vec<_> =
        server.logs.lines().into_iter().filter(|line| line["request_id"] == id.as_str()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(line["msg"], "request");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/api/v1/metrics/{id}/history");
    assert_eq!(line["status"], 404);
    assert_eq!(line["user"], "admin");
    assert_eq!(line["client"], "127.0.0.1");
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
}

#[actix_web::test]
async fn secrets_are_never_logged() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let (access, refresh) = (token(&tokens), refresh_token(&tokens));
    server.login("admin", "canary-wrong-password").await.expect(401);
    let registration = json!({"username": "canary", "email": "c@example.com",
        "password": "canary-registration", "full_name": "C"});
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

/// Puts a handler that panics behind the middleware of the service.
#[actix_web::test]
async fn panic_fails_one_request_and_exposes_nothing() {
    use actix_web::middleware::from_fn;
    use actix_web::{App, test, web};
    use mdl::http::middleware::access_log::access_log;

    async fn panics() -> &'static str {
        panic!("the cause")
    }

    let server = Server::start().await;
    let app = App::new()
        .app_data(server.state())
        // Writes run in tasks of their own; a panic there fails their request.
        .wrap(from_fn(mdl::http::middleware::run_to_end::run_to_end))
        .wrap_fn(|request, next| access_log(request, next, false))
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
    // A disconnected client is the only failure that is counted without a response.
    assert!(
        (server.reading("http_server_errors_total{status_code=\"500\"}").await - 1.0).abs()
            < f64::EPSILON
    );
}

#[actix_web::test]
async fn responses_are_compressed_if_accepted() {
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
