//! Messages of errors: what was not found, and what a change during an outage did not do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{
    ADMIN_PASSWORD, Server, database, json_body, merge_body, refresh_token, token,
};

const UNAVAILABLE: &str = "Database temporarily unavailable. Please try again later.";
const UNKNOWN_ID: &str = "0196f4a5-0000-7000-8000-000000000000";

#[actix_web::test]
async fn failed_changes_say_what_was_not_done() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--registration-enabled", "true"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let logged_in = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let (admin, refresh) = (token(&logged_in), refresh_token(&logged_in));
    server.settled().await;
    server.get("/api/auth/me", &admin).await.expect(200);
    proxy.close();
    let password = "some password for tests";
    let user = json!({"username": "eva", "email": "e@example.com", "full_name": "E",
        "password": password});
    let change = json!({"current_password": ADMIN_PASSWORD, "new_password": password});
    let reset = json!({"token": "x", "new_password": password});
    let key = json!({"name": "k", "scopes": ["metrics:read"]});
    let (refresh, empty) = (json!({"refresh_token": refresh}), json!({}));
    let domain = json!({"domain_id": "d", "name": "D"});
    let login = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let (users, keys) =
        (format!("/api/auth/users/{UNKNOWN_ID}"), format!("/api/auth/api-keys/{UNKNOWN_ID}"));
    let (rotation, session) =
        (format!("{keys}/rotate"), format!("/api/auth/sessions/{UNKNOWN_ID}"));
    let metric = metric("m");
    let changes: [(Method, &str, &Value, &str); 24] = [
        (Method::POST, "/api/v1/metrics", &metric, "The metric was not created."),
        (Method::PUT, "/api/v1/metrics/m", &empty, "The metric was not changed."),
        (Method::PATCH, "/api/v1/metrics/m", &empty, "The metric was not changed."),
        (Method::DELETE, "/api/v1/metrics/m", &empty, "The metric was not deleted."),
        (Method::POST, "/api/v1/domains", &domain, "The business domain was not created."),
        (Method::PUT, "/api/v1/domains/d", &empty, "The business domain was not changed."),
        (Method::PATCH, "/api/v1/domains/d", &empty, "The business domain was not changed."),
        (Method::DELETE, "/api/v1/domains/d", &empty, "The business domain was not deleted."),
        (Method::POST, "/api/v1/import", &empty, "Nothing was imported."),
        (Method::POST, "/api/auth/login", &login, "You were not logged in."),
        (Method::POST, "/api/auth/register", &user, "The account was not created."),
        (Method::POST, "/api/auth/refresh", &refresh, "The session was not refreshed."),
        (Method::POST, "/api/auth/logout", &refresh, "You were not logged out."),
        (Method::POST, "/api/auth/change-password", &change, "The password was not changed."),
        (Method::POST, "/api/auth/password-reset/confirm", &reset, "The password was not changed."),
        (Method::POST, "/api/auth/users", &user, "The user was not created."),
        (Method::PUT, &users, &empty, "The user was not changed."),
        (Method::DELETE, &users, &empty, "The user was not deleted."),
        (Method::POST, "/api/auth/api-keys", &key, "The API key was not created."),
        (Method::PATCH, &keys, &json!({"name": "n"}), "The API key was not changed."),
        (Method::POST, &rotation, &empty, "The API key was not rotated."),
        (Method::DELETE, &keys, &empty, "The API key was not revoked."),
        (Method::DELETE, "/api/auth/api-keys", &empty, "No API key was revoked."),
        (Method::DELETE, &session, &empty, "The session was not ended."),
    ];
    for (method, path, body, words) in changes {
        let is_merge = method == Method::PATCH && path.starts_with("/api/v1/");
        let encode = if is_merge { merge_body } else { json_body };
        let body = (method != Method::DELETE).then(|| encode(body));
        let answer = server.send(method.clone(), path, &admin, &[], body).await;
        let answer = answer.expect_error(503, "DATABASE_ERROR").json();
        let expected = format!("{UNAVAILABLE} {words}");
        assert_eq!(answer["error"]["message"], expected, "{method} {path}");
    }
    // The first request with this key may have succeeded.
    let key = [("idempotency-key", "k")];
    let body = Some(json_body(&metric));
    let repeated = server.send(Method::POST, "/api/v1/metrics", &admin, &key, body).await;
    let repeated = repeated.expect_error(503, "DATABASE_ERROR").json();
    assert_eq!(repeated["error"]["message"], format!("{UNAVAILABLE} Nothing was changed."));
    for path in ["/api/v1/metrics/m", "/api/v1/domains", "/api/auth/users", "/api/auth/api-keys"] {
        let answer = server.get(path, &admin).await.expect_error(503, "DATABASE_ERROR").json();
        assert_eq!(answer["error"]["message"], UNAVAILABLE, "{path}");
    }
}

#[actix_web::test]
async fn not_found_says_what_was_not_found() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (user, key) = (format!("User \"{UNKNOWN_ID}\" not found"), "API key not found");
    let (metric, domain) = ("Metric \"m\" not found", "Business domain \"d\" not found");
    let put = |path: &str| (Method::PUT, path.to_owned(), json!({}));
    let get = |path: &str| (Method::GET, path.to_owned(), Value::Null);
    let delete = |path: &str| (Method::DELETE, path.to_owned(), Value::Null);
    let (users, keys) =
        (format!("/api/auth/users/{UNKNOWN_ID}"), format!("/api/auth/api-keys/{UNKNOWN_ID}"));
    for ((method, path, body), code, message) in [
        (get("/api/v1/metrics/m"), "NOT_FOUND", metric),
        (get("/api/v1/metrics/m/history"), "NOT_FOUND", metric),
        (put("/api/v1/metrics/m"), "NOT_FOUND", metric),
        (delete("/api/v1/metrics/m"), "NOT_FOUND", metric),
        (get("/api/v1/domains/d"), "NOT_FOUND", domain),
        (put("/api/v1/domains/d"), "NOT_FOUND", domain),
        (delete("/api/v1/domains/d"), "NOT_FOUND", domain),
        (get(&users), "NOT_FOUND", user.as_str()),
        (put(&users), "NOT_FOUND", user.as_str()),
        (delete(&users), "NOT_FOUND", user.as_str()),
        (delete(&keys), "API_KEY_NOT_FOUND", key),
        ((Method::PATCH, keys.clone(), json!({"name": "n"})), "API_KEY_NOT_FOUND", key),
        ((Method::POST, format!("{keys}/rotate"), json!({})), "API_KEY_NOT_FOUND", key),
        (delete(&format!("/api/auth/sessions/{UNKNOWN_ID}")), "NOT_FOUND", "Session not found"),
        (get("/api/v1/nothing"), "NOT_FOUND", "Route not found"),
        (
            (
                Method::POST,
                "/health/circuit-breakers/x".to_owned(),
                json!({"action": "close", "reason": "r"}),
            ),
            "NOT_FOUND",
            "Circuit breaker not found; there are metrics, domains, auth and api_keys",
        ),
    ] {
        let body = (!body.is_null()).then(|| json_body(&body));
        let answer = server.send(method.clone(), &path, &admin, &[], body).await;
        let answer = answer.expect_error(404, code).json();
        assert_eq!(answer["error"]["message"], message, "{method} {path}");
    }
}
