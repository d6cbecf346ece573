//! `last_used_at` of API keys: written behind the requests, forward only, never lost.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::pages::visitor::Visitor;
use crate::support::database::{self, sql};
use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Server, token};

const METRICS: &str = "/api/v1/metrics";

pub async fn updates(url: &str) -> i64 {
    let query = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE \
                 '%last_used_at = held.at%' \
                 AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sql(url, query).await[0][0].parse().unwrap()
}

async fn last_used(url: &str, id: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    let query = format!(
        "SELECT to_char(last_used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
                         FROM api_keys WHERE key_id = '{id}'"
    );
    sql(url, &query).await[0][0].parse().ok()
}

/// Reads with a key through a proxy that names this client.
async fn used_from(server: &Server, key: &str, client: &str) {
    let headers = [("x-api-key", key), ("x-forwarded-for", client)];
    server.send(reqwest::Method::GET, METRICS, "", &headers, None).await.expect(200);
}

#[actix_web::test]
async fn last_use_has_the_client_ip_that_limits_use() {
    let server = Server::with(&["--trusted-proxies", "127.0.0.1"]).await;
    let admin = server.admin().await;
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    let listed = server.get("/api/auth/api-keys", &admin).await.json();
    assert_eq!(listed["api_keys"][0]["last_used_ip"], serde_json::Value::Null);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let epoch = "SELECT epoch FROM authority_epochs";
    let before = sql(&server.database_url, epoch).await;
    // A lookup of the key, a hit, and a read that is answered from the caches alone.
    for (client, stored) in [
        ("192.0.2.7", "192.0.2.7"),
        ("10.1.2.3, 2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.8", "192.0.2.8"),
        ("192.0.2.9, 127.0.0.1", "192.0.2.9"),
    ] {
        server.advance(1);
        used_from(&server, &key, client).await;
        assert_eq!(server.state().accounts.keys.drain_last_used().await, 0);
        let listed = server.get("/api/auth/api-keys", &admin).await.json();
        assert_eq!(listed["api_keys"][0]["last_used_ip"], stored, "{client}");
        for path in ["/dashboard/api-keys", &format!("/dashboard/api-keys/{id}")] {
            let page = visitor.get(path).await.expect(200);
            assert!(page.text("main").contains(&format!("UTC from {stored}")), "{path}");
        }
    }
    // Other processes need not know it, so that no cached key is looked up again.
    assert_eq!(sql(&server.database_url, epoch).await, before);
}

#[actix_web::test]
async fn forwarded_address_of_an_unknown_proxy_is_not_recorded() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    used_from(&server, &key, "192.0.2.7").await;
    assert_eq!(server.state().accounts.keys.drain_last_used().await, 0);
    let listed = server.get("/api/auth/api-keys", &admin).await.json();
    assert_eq!(listed["api_keys"][0]["last_used_ip"], "127.0.0.1");
}

#[actix_web::test]
async fn last_uses_are_written_in_batches() {
    let server = Server::start().await;
    let admin = server.admin().await;
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(server.key(&admin, &["metrics:read"]).await);
    }
    let state = server.state();
    for use_ in 0..10_000 {
        let (_, key) = &keys[use_ % keys.len()];
        let hash = mdl::credentials::api_keys::ApiKey::parse(key).unwrap().hash();
        state
            .accounts
            .keys
            .authenticate(hash, None, server.clock.now(), Instant::now())
            .await
            .unwrap();
    }
    let end = server.clock.now();
    assert_eq!(state.accounts.keys.drain_last_used().await, 0);
    let written = updates(&server.database_url).await;
    println!("10,000 uses of 5 keys: {written} UPDATEs");
    assert!((1..=5).contains(&written));
    for (id, _) in &keys {
        let at = last_used(&server.database_url, id).await.unwrap();
        assert!(at <= end && end - at < chrono::TimeDelta::seconds(5));
        let listed = server.get("/api/auth/api-keys", &admin).await.json();
        assert!(
            listed["api_keys"]
                .as_array()
                .unwrap()
                .iter()
                .all(|key| key["last_used_at"].is_string())
        );
    }
}

#[actix_web::test]
async fn thousand_pending_uses_are_written_early() {
    let server = Server::start().await;
    sql(
        &server.database_url,
        "INSERT INTO api_keys (key_id, user_id, name, scopes, key_hash, prefix, created_at) \
         SELECT gen_random_uuid(), user_id, 'k', '[\"admin\"]', encode(sha256(('mdl_' || \
         lpad(to_hex(n), 64, '0'))::bytea), 'hex'), \
                'mdl_0000', now() FROM users, generate_series(1, 1000) n",
    )
    .await;
    let state = server.state();
    let used = (1..=1000).map(|number| {
        let key = mdl::credentials::api_keys::ApiKey::parse(&format!("mdl_{number:064x}")).unwrap();
        state.accounts.keys.authenticate(key.hash(), None, server.clock.now(), Instant::now())
    });
    // Some at a time, to finish long before ten seconds have passed.
    let used: Vec<_> = futures_util::stream::iter(used).buffer_unordered(10).collect().await;
    assert!(used.iter().all(Result::is_ok));
    for _ in 0..100 {
        let noted = sql(
            &server.database_url,
            "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL",
        )
        .await;
        if noted[0][0] == "1000" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing was written");
}

#[actix_web::test]
async fn last_use_never_goes_back() {
    let url = database::fresh().await;
    let proxied = ["--trusted-proxies", "127.0.0.1"];
    let (early, late) = (Server::on(&url, &proxied).await, Server::on(&url, &proxied).await);
    early.ready().await;
    late.ready().await;
    let admin = late.admin().await;
    late.advance(3600);
    let (id, key) = early.key(&admin, &["metrics:read"]).await;
    used_from(&late, &key, "192.0.2.2").await;
    used_from(&early, &key, "192.0.2.1").await;
    assert_eq!(late.state().accounts.keys.drain_last_used().await, 0);
    let newer = last_used(&url, &id).await.unwrap();
    assert_eq!(early.state().accounts.keys.drain_last_used().await, 0);
    assert_eq!(last_used(&url, &id).await.unwrap(), newer);
    let listed = early.get("/api/auth/api-keys", &admin).await.json();
    assert_eq!(listed["api_keys"][0]["last_used_ip"], "192.0.2.2");
}

#[actix_web::test]
async fn last_uses_survive_an_outage() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let server = Server::on(
        &proxy.url(&url),
        &["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"],
    )
    .await;
    server.ready().await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await);
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    server.get_with(METRICS, &key).await.expect(200);
    assert_eq!(server.state().accounts.keys.drain_last_used().await, 0);
    let before = last_used(&url, &id).await.unwrap();
    proxy.close();
    // Thirty seconds later by the clock of the service.
    server.advance(30);
    server.get_with(METRICS, &key).await;
    let used = server.clock.now();
    for _ in 0..5 {
        assert!(server.state().accounts.keys.flush_last_used().await > 0, "it is owed");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(server.reading("api_key_last_used_pending").await >= 1.0);
    assert_eq!(last_used(&url, &id).await.unwrap(), before);
    proxy.open();
    server.circuits_closed().await;
    for _ in 0..100 {
        if server.state().accounts.keys.drain_last_used().await == 0 {
            break;
        }
    }
    let after = last_used(&url, &id).await.unwrap();
    assert!(after > before + chrono::TimeDelta::seconds(29) && after <= used);
}

#[actix_web::test]
async fn concurrent_writes_of_last_use_do_not_deadlock() {
    let url = database::fresh().await;
    let (one, other) = (Server::on(&url, &[]).await, Server::on(&url, &[]).await);
    one.ready().await;
    other.ready().await;
    let admin = one.admin().await;
    let mut hashes = Vec::new();
    for _ in 0..60 {
        let (_, key) = one.key(&admin, &["metrics:read"]).await;
        hashes.push(mdl::credentials::api_keys::ApiKey::parse(&key).unwrap().hash());
    }
    for round in 0..40 {
        for server in [&one, &other] {
            // In a different order each.
            hashes.rotate_left(7);
            for hash in &hashes {
                server
                    .state()
                    .accounts
                    .keys
                    .authenticate(*hash, None, server.clock.now(), Instant::now())
                    .await
                    .unwrap();
            }
        }
        let (one, other) = (one.state(), other.state());
        let left =
            join_all([one.accounts.keys.drain_last_used(), other.accounts.keys.drain_last_used()])
                .await;
        assert_eq!(left, [0, 0], "round {round}");
    }
    let deadlocks =
        sql(&url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .await;
    assert_eq!(deadlocks[0][0], "0");
    assert!(!one.logs.text().contains("not written") && !other.logs.text().contains("not written"));
}
