//! What an API key may do, and what authentication by key costs.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mdl::actors::api_key_cache::KeyError;
use mdl::credentials::api_keys::ApiKey;
use reqwest::Method;
use serde_json::json;

use crate::api::last_used::updates;
use crate::support::database::{self, sql};
use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, json_body};

const METRICS: &str = "/api/v1/metrics";

/// Counts statements without those of background tasks: epochs, active users, last uses, refusals.
async fn statements(url: &str) -> i64 {
    let rows = sql(
        url,
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%_epochs%' \
         AND query NOT LIKE 'SELECT count( DISTINCT \"sessions\".%' AND query NOT LIKE \
         '%pg_stat_statements%' AND query NOT LIKE 'LISTEN%' \
         AND query NOT LIKE '%last_used_at = held.at%' AND query NOT LIKE '%audit_events%' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    rows.await[0][0].parse().unwrap()
}

#[actix_web::test]
async fn cached_key_costs_no_statement() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post(METRICS, &admin, &metric("m")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    let path = format!("{METRICS}/m");
    // New connections run statements, too, so that all are opened first.
    server.warm(10).await;
    server.settled().await;
    server.get_with(&path, &key).await.expect(200);
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    // All background writes are finished.
    server.state().accounts.keys.drain_last_used().await;
    let (before, noted) =
        (statements(&server.database_url).await, updates(&server.database_url).await);
    let began = Instant::now();
    for _ in 0..200 {
        server.get_with(&path, &key).await.expect(200);
    }
    assert_eq!(statements(&server.database_url).await, before, "not one");
    let flushes = i64::try_from(began.elapsed().as_secs() / 10).unwrap() + 1;
    assert!(
        updates(&server.database_url).await - noted <= flushes,
        "last uses are written behind the requests"
    );
    // Another key costs one lookup, so the test can fail.
    let (_, other) = server.key(&admin, &["metrics:read"]).await;
    // A lookup that overlaps an invalidation, such as the creation of the key, is repeated.
    server.settled().await;
    let before = statements(&server.database_url).await;
    let answers = join_all((0..100).map(|_| server.get_with(&path, &other))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let after = statements(&server.database_url).await;
    let all = "SELECT calls, query FROM pg_stat_statements \
               WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(after, before + 1, "a hundred at once: {:#?}", sql(&server.database_url, all).await);
    assert!(server.reading("api_key_cache_lookups_total{outcome=\"hit\"}").await >= 200.0);
    assert!(
        server.reading("auth_attempts_total{method=\"api_key\",status=\"success\"}").await >= 301.0
    );
}

#[actix_web::test]
async fn malformed_keys_are_not_looked_up_and_unknown_keys_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    let mut mistyped = key.clone().into_bytes();
    mistyped[20] = if mistyped[20] == b'x' { b'y' } else { b'x' };
    let mistyped = String::from_utf8(mistyped).unwrap();
    // What a new connection begins with would count, too.
    server.warm(10).await;
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = statements(&server.database_url).await;
    for bad in [mistyped.as_str(), "", "mdl_", "x", &key[..49], "bearer"] {
        server.get_with(METRICS, bad).await.expect_error(401, "INVALID_API_KEY");
    }
    assert_eq!(statements(&server.database_url).await, before);
    assert!(server.reading("api_key_cache_lookups_total{outcome=\"malformed\"}").await >= 6.0);
    let unknown = ApiKey::generate();
    for _ in 0..20 {
        let answer =
            server.get_with(METRICS, unknown.expose()).await.expect_error(401, "INVALID_API_KEY");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(statements(&server.database_url).await, before + 1);
    assert!(server.reading("api_key_cache_lookups_total{outcome=\"negative\"}").await >= 19.0);
    assert!(
        server.reading("auth_attempts_total{method=\"api_key\",status=\"failure\"}").await >= 26.0
    );
}

#[actix_web::test]
async fn key_is_limited_by_scopes_and_current_role() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post(METRICS, &admin, &metric("m")).await.expect(201);
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    let (_, reads) = server.key(&eva, &["metrics:read"]).await;
    let (_, writes) = server.key(&eva, &["metrics:read", "metrics:write"]).await;
    let (path, patch) = (format!("{METRICS}/m"), json!({"tags": []}));
    server.get_with(&path, &reads).await.expect(200);
    server.get_with("/api/v1/domains", &reads).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.put_with(&path, &reads, &patch).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.put_with(&path, &writes, &patch).await.expect(200);
    let history = server.get(&format!("{path}/history"), &admin).await.json();
    assert_eq!(history["data"][0]["changed_by"], "eva");
    let with = [("x-api-key", writes.as_str())];
    server
        .send(Method::DELETE, &path, "", &with, None)
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    let import = Some(json_body(&json!({"metrics": [], "domains": []})));
    server
        .send(Method::POST, "/api/v1/import", "", &with, import)
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");

    server
        .put(&format!("/api/auth/users/{id}"), &admin, &json!({"role": "viewer"}))
        .await
        .expect(200);
    server.put_with(&path, &writes, &patch).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.get_with(&path, &writes).await.expect(200);
    server
        .put(&format!("/api/auth/users/{id}"), &admin, &json!({"role": "admin"}))
        .await
        .expect(200);
    server.send(Method::DELETE, &path, "", &with, None).await.expect(200);
}

#[actix_web::test]
async fn keys_end_with_suspension_deletion_and_password_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    let user = format!("/api/auth/users/{id}");
    let (_, key) = server.key(&eva, &["metrics:read"]).await;
    server.get_with(METRICS, &key).await.expect(200);
    let keeping = json!({"status": "suspended", "keep_api_keys": true});
    server.put(&user, &admin, &keeping).await.expect(200);
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    server.get(METRICS, &eva).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.put(&user, &admin, &json!({"status": "active"})).await.expect(200);
    server.get_with(METRICS, &key).await.expect(200);

    let eva = crate::support::token(&server.login("eva", PASSWORD).await);
    let other = crate::support::token(&server.login("eva", PASSWORD).await);
    let change = |from: &str, to: &str, keep: bool| {
        let (current, new) = ("current_password", "new_password");
        json!({current: from, new: to, "keep_api_keys": keep})
    };
    let (second, third) = ("the second one for tests", "the third one for tests");
    server
        .post("/api/auth/change-password", &eva, &change(PASSWORD, second, true))
        .await
        .expect(200);
    server.get_with(METRICS, &key).await.expect(200);
    server.get(METRICS, &other).await.expect_error(401, "AUTHENTICATION_ERROR");
    server
        .post(
            "/api/auth/change-password",
            &eva,
            &json!({"current_password": second, "new_password": third}),
        )
        .await
        .expect(200);
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    server.get(METRICS, &eva).await.expect(200);

    let (_, last) = server.key(&eva, &["metrics:read"]).await;
    server.get_with(METRICS, &last).await.expect(200);
    server.delete(&user, &admin).await.expect(200);
    server.get_with(METRICS, &last).await.expect_error(401, "INVALID_API_KEY");
}

#[actix_web::test]
async fn key_expires_on_time_and_extension_applies_immediately() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let in_a_minute = (server.clock.now() + chrono::TimeDelta::seconds(60)).to_rfc3339();
    let (id, key) = server
        .create_key(
            &admin,
            &json!({"name": "x", "scopes": ["metrics:read"], "expires_at": in_a_minute}),
        )
        .await;
    server.get_with(METRICS, &key).await.expect(200);
    server.advance(55);
    server.get_with(METRICS, &key).await.expect(200);
    server
        .patch(&format!("/api/auth/api-keys/{id}"), &admin, &json!({"extend_days": 1}))
        .await
        .expect(200);
    server.advance(10);
    server.get_with(METRICS, &key).await.expect(200);
    server.advance(86_396);
    server.get_with(METRICS, &key).await.expect_error(401, "API_KEY_EXPIRED");
    server.get_with(METRICS, &key).await.expect_error(401, "API_KEY_EXPIRED");
}

#[actix_web::test]
async fn exactly_one_credential_is_accepted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    let twice = [("x-api-key", key.as_str()), ("x-api-key", key.as_str())];
    server
        .send(Method::GET, METRICS, &admin, &twice[..1], None)
        .await
        .expect_error(400, "VALIDATION_ERROR");
    server.send(Method::GET, METRICS, "", &twice, None).await.expect_error(400, "VALIDATION_ERROR");
    // Without the header the token is used.
    server.get(METRICS, &admin).await.expect(200);
}

#[actix_web::test]
async fn keys_of_older_formats_stay_valid() {
    let server = Server::start().await;
    let old = format!("mdl_{}", "0123456789abcdef".repeat(4));
    sql(
        &server.database_url,
        &format!(
            "INSERT INTO api_keys (key_id, user_id, name, scopes, key_hash, prefix, created_at) \
             SELECT gen_random_uuid(), user_id, 'old', '[\"metrics:read\"]', \
             encode(sha256('{old}'), 'hex'), 'mdl_0123', now() \
             FROM users LIMIT 1"
        ),
    )
    .await;
    server.get_with(METRICS, &old).await.expect(200);
}

#[actix_web::test]
async fn cached_keys_work_during_outage() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"];
    let server = Server::on(&proxy.url(&url), &options).await;
    server.ready().await;
    let admin = crate::support::token(&server.login("admin", ADMIN_PASSWORD).await);
    let (_, known) = server.key(&admin, &["metrics:read"]).await;
    let (_, unused) = server.key(&admin, &["metrics:read"]).await;
    server.settled().await;
    let before = server.get_with(METRICS, &known).await.expect(200);
    // Another change, so that the cached response has an older epoch.
    server.domains(&admin).await;
    proxy.close();
    for _ in 0..20 {
        let answer = server.get_with(METRICS, &known).await.expect(200);
        assert_eq!((answer.header("x-cache"), &answer.text), ("STALE", &before.text));
        server.get_with(METRICS, &unused).await.expect_error(503, "DATABASE_ERROR");
    }
    let unknown = ApiKey::generate();
    server.get_with(METRICS, unknown.expose()).await.expect_error(503, "DATABASE_ERROR");
    server.get_with(METRICS, "mdl_nonsense").await.expect_error(401, "INVALID_API_KEY");
    proxy.open();
    server.circuits_closed().await;
    server.get_with(METRICS, &unused).await.expect(200);
    server.get_with(METRICS, unknown.expose()).await.expect_error(401, "INVALID_API_KEY");
}

/// When the epoch was not read for three seconds, a hit is checked in the database; during an
/// outage the cached entry is used for at most an hour.
#[actix_web::test]
async fn stale_key_cache_is_rechecked() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"];
    let server = Server::on(&proxy.url(&url), &options).await;
    server.ready().await;
    let admin = crate::support::token(&server.login("admin", ADMIN_PASSWORD).await);
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    let (keys, hash) = (server.state().accounts.keys.clone(), ApiKey::parse(&key).unwrap().hash());
    let after = async |seconds| {
        let instant = Instant::now() + Duration::from_secs(seconds);
        keys.authenticate(hash, None, server.clock.now(), instant).await
    };
    server.settled().await;
    after(0).await.unwrap();
    keys.drain_last_used().await;
    server.warm(10).await;
    sql(&url, "CREATE EXTENSION pg_stat_statements").await;
    let before = statements(&url).await;
    after(1).await.unwrap();
    assert_eq!(statements(&url).await, before);
    after(5).await.unwrap();
    assert!(statements(&url).await > before);
    proxy.close();
    after(1).await.unwrap();
    after(15).await.unwrap();
    after(3_000).await.unwrap();
    assert!(matches!(after(3_700).await, Err(KeyError::Lookup(_))));
}

#[actix_web::test]
async fn authentication_metrics_are_counted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.key(&admin, &["metrics:read"]).await;
    server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    let until = Instant::now() + Duration::from_secs(5);
    while server.reading("api_key_revocation_propagation_seconds_count").await < 1.0 {
        assert!(Instant::now() < until, "no notification arrived");
    }
    assert!(server.reading("api_keys_created_total").await >= 1.0);
    assert!(server.reading("api_keys_revoked_total").await >= 1.0);
    server.login("admin", "some wrong password").await.expect(401);
    assert!(
        server.reading("auth_attempts_total{method=\"login\",status=\"failure\"}").await >= 1.0
    );
    assert!(server.reading("auth_attempts_total{method=\"jwt\",status=\"success\"}").await >= 2.0);
    assert!(
        server.reading("auth_attempts_total{method=\"refresh\",status=\"success\"}").await < 1.0
    );
}
