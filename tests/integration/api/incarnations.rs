//! Counters that go back, and changes that may have been missed: a new incarnation starts, in which
//! nothing cached before is trusted, and nothing cached before is lost for an outage.

use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use mdl::actors::db_breaker::{Circuit, Control};
use mdl::model::authority::InvalidationScope;
use serde_json::json;

use crate::support::database::{self, sql};
use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{PASSWORD, Server, token};

const METRIC: &str = "/api/v1/metrics/m1";
const LIST: &str = "/api/v1/metrics?limit=10";
const QUICK: [&str; 4] =
    ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];

const END_LISTENER: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'";

/// Runs a statement through the service's own pool, because the embedded database has one
/// connection. No trigger and no notification tell of it.
async fn execute(server: &Server, statement: &str) {
    let db = server.state().db.clone();
    let executed = db.run(Circuit::Domains, "business_domains.test", async |conn| {
        diesel::sql_query(statement).execute(conn).await?;
        Ok(())
    });
    executed.await.unwrap();
}

/// Changes the catalogue until its epoch is high, then resets the epoch by `statement`. Each of
/// five changes must be visible at once to the process that made it.
async fn change_after_restore(server: &Server, statement: &str) {
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for round in 0..10 {
        let tag = json!({"tags": [format!("before{round}")]});
        server.put(METRIC, &admin, &tag).await.expect(200);
    }
    for round in 0..5 {
        // Cached under the high epoch.
        server.get(METRIC, &admin).await.expect(200);
        server.get(LIST, &admin).await.expect(200);
        if round == 0 {
            execute(server, statement).await;
        }
        let tag = json!({"tags": [format!("after{round}")]});
        server.put(METRIC, &admin, &tag).await.expect(200);
        let (one, all) = (server.get(METRIC, &admin).await, server.get(LIST, &admin).await);
        assert_eq!(one.expect(200).json()["data"]["tags"], tag["tags"], "round {round}");
        assert_eq!(all.expect(200).json()["data"][0]["tags"], tag["tags"], "round {round}");
    }
}

#[actix_web::test]
async fn changes_after_a_restore_are_visible_at_once() {
    let server = Server::start().await;
    change_after_restore(&server, "UPDATE catalogue_epochs SET epoch = 2").await;
}

/// The change raises the epoch to the value under which the old responses were cached.
#[actix_web::test]
async fn change_that_reaches_the_old_epoch_again_is_visible_at_once() {
    let server = Server::start().await;
    change_after_restore(&server, "UPDATE catalogue_epochs SET epoch = epoch - 1").await;
}

#[actix_web::test]
async fn changes_after_a_restore_are_visible_at_once_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    change_after_restore(&server, "UPDATE catalogue_epochs SET epoch = 2").await;
    server.stop().await;
}

/// The restored data itself, without any change through the service.
#[actix_web::test]
async fn restored_catalogue_is_visible_after_a_poll() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.settled().await;
    let path = "/api/v1/domains/d1";
    server.get(path, &admin).await.expect(200);
    sql(
        &server.database_url,
        "ALTER TABLE business_domains DISABLE TRIGGER USER;
         UPDATE business_domains SET color = 'restored' WHERE domain_id = 'd1';
         ALTER TABLE business_domains ENABLE TRIGGER USER;
         UPDATE catalogue_epochs SET epoch = 1",
    )
    .await;
    let began = Instant::now();
    while server.get(path, &admin).await.expect(200).json()["data"]["color"] != "restored" {
        assert!(began.elapsed() < Duration::from_secs(10), "the old response stays fresh");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A user with a session and a key, both cached.
struct Cached {
    id: String,
    token: String,
    key: String,
}

async fn cached_user(server: &Server, admin: &str, name: &str) -> Cached {
    let (id, token) = server.user(admin, name, "editor").await;
    let (_, key) = server.key(&token, &["domains:read"]).await;
    Cached { id, token, key }
}

impl Cached {
    fn scope(&self) -> InvalidationScope {
        InvalidationScope::User(self.id.parse().unwrap())
    }

    /// Status codes of a cached read by token and by key.
    async fn statuses(&self, server: &Server) -> (u16, u16) {
        let path = "/api/v1/domains";
        let by_token = server.get(path, &self.token).await.status;
        (by_token, server.get_with(path, &self.key).await.status)
    }
}

/// Starts behind a proxy with two users, whose sessions and keys are cached.
async fn start() -> (Proxy, Server, String, Cached, Cached) {
    let (proxy, url) = (Proxy::start(true).await, database::fresh().await);
    let server = Server::on(&proxy.url(&url), &QUICK).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let eva = cached_user(&server, &admin, "eva").await;
    let bob = cached_user(&server, &admin, "bob").await;
    server.settled().await;
    for user in [&eva, &bob] {
        assert_eq!(user.statuses(&server).await, (200, 200));
    }
    (proxy, server, url, eva, bob)
}

/// Suspends a user as a restored backup or a lost notification would: nothing tells of it.
async fn suspend_unnoticed(url: &str, user: &Cached) {
    let suspend = format!(
        "ALTER TABLE users DISABLE TRIGGER USER;
         UPDATE users SET status = 'suspended' WHERE user_id = '{}';
         ALTER TABLE users ENABLE TRIGGER USER;",
        user.id
    );
    sql(url, &suspend).await;
}

#[actix_web::test]
async fn doubtful_caller_is_accepted_only_while_the_database_is_unavailable() {
    let (proxy, server, url, eva, bob) = start().await;
    suspend_unnoticed(&url, &eva).await;
    proxy.close();
    server.state().accounts.keys.start_incarnation().await;
    for _ in 0..5 {
        assert_eq!(eva.statuses(&server).await, (200, 200), "nothing can be asked");
        assert_eq!(bob.statuses(&server).await, (200, 200));
    }
    proxy.open();
    server.circuits_closed().await;
    assert_eq!(eva.statuses(&server).await, (401, 401), "the database answers");
    assert_eq!(bob.statuses(&server).await, (200, 200));
    // The answer is cached for the next outage.
    proxy.close();
    assert_eq!(eva.statuses(&server).await, (503, 401));
    assert_eq!(bob.statuses(&server).await, (200, 200));
}

/// The end of an outage: the listener is connected again while the circuits still refuse.
#[actix_web::test]
async fn new_listener_keeps_callers_and_responses_while_circuits_are_open() {
    let (_proxy, server, url, eva, bob) = start().await;
    let keys = server.state().accounts.keys.clone();
    let db = server.state().db.clone();
    for circuit in [Circuit::Metrics, Circuit::Domains, Circuit::Auth, Circuit::ApiKeys] {
        db.control(circuit, Control::Isolate, "test".into()).await.unwrap();
    }
    let before = keys.incarnation();
    sql(&url, END_LISTENER).await;
    let began = Instant::now();
    while keys.incarnation() == before {
        assert!(began.elapsed() < Duration::from_secs(10), "no new listener");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for user in [&eva, &bob] {
        assert_eq!(user.statuses(&server).await, (200, 200));
    }
    let answer = server.get("/api/v1/domains", &eva.token).await.expect(200);
    assert_eq!(answer.header("x-cache"), "STALE");
}

/// A new listener and a lower epoch make sessions and keys doubtful, so that the missed change is
/// noticed.
#[actix_web::test]
async fn missed_suspension_is_noticed_by_a_new_listener_and_by_a_lower_epoch() {
    let (_proxy, server, url, eva, bob) = start().await;
    sql(&url, "UPDATE authority_epochs SET epoch = 10").await;
    let lower = "UPDATE authority_epochs SET epoch = 9";
    for (user, gap) in [(&eva, END_LISTENER), (&bob, lower)] {
        // Session and key were verified in this incarnation.
        server.settled().await;
        assert_eq!(user.statuses(&server).await, (200, 200));
        suspend_unnoticed(&url, user).await;
        // Both are still trusted.
        assert_eq!(user.statuses(&server).await, (200, 200));
        sql(&url, gap).await;
        let began = Instant::now();
        while user.statuses(&server).await != (401, 401) {
            assert!(began.elapsed() < Duration::from_secs(10), "{gap}: never noticed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A change is proven to be missed: the key could have been revoked by it, so it is not accepted
/// when it cannot be verified either.
#[actix_web::test]
async fn key_is_not_accepted_after_a_missed_change_while_the_circuits_are_open() {
    let (_proxy, server, url, eva, _) = start().await;
    server.settled().await;
    assert_eq!(eva.statuses(&server).await, (200, 200));
    let keys = server.state().accounts.keys.clone();
    let hash = mdl::credentials::api_keys::ApiKey::parse(&eva.key).unwrap().hash();
    assert!(keys.is_cached(&hash, Instant::now()));
    sql(&url, "UPDATE authority_epochs SET epoch = epoch + 5").await;
    let began = Instant::now();
    while keys.is_cached(&hash, Instant::now()) {
        assert!(began.elapsed() < Duration::from_secs(10), "the key is still cached");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let db = server.state().db.clone();
    for circuit in [Circuit::Metrics, Circuit::Domains, Circuit::Auth, Circuit::ApiKeys] {
        db.control(circuit, Control::Isolate, "test".into()).await.unwrap();
    }
    assert_eq!(eva.statuses(&server).await, (503, 503));
}

#[actix_web::test]
async fn invalidation_after_a_new_incarnation_removes_at_once() {
    let (proxy, server, _, eva, bob) = start().await;
    let accounts = server.state().accounts.clone();
    proxy.close();
    accounts.keys.start_incarnation().await;
    accounts.invalidate(eva.scope()).await;
    assert_eq!(eva.statuses(&server).await, (503, 503));
    assert_eq!(bob.statuses(&server).await, (200, 200));
}

/// The verification of a doubtful key is under way when the key is invalidated; then the database
/// becomes unavailable. The entry that the request has read before must not be accepted.
#[actix_web::test]
async fn key_invalidated_during_its_verification_is_not_accepted() {
    let (proxy, server, url, eva, bob) = start().await;
    let accounts = server.state().accounts.clone();
    let holder = database::connect(&url).await;
    holder.batch_execute("BEGIN; LOCK TABLE api_keys").await.unwrap();
    accounts.keys.start_incarnation().await;
    let path = "/api/v1/domains";
    let meanwhile = async {
        database::until_locked(&url, 2, "%key_hash%").await;
        accounts.invalidate(eva.scope()).await;
        proxy.close();
    };
    let (by_eva, by_bob, ()) = futures_util::future::join3(
        server.get_with(path, &eva.key),
        server.get_with(path, &bob.key),
        meanwhile,
    )
    .await;
    assert_eq!((by_eva.status, by_bob.status), (503, 200));
    holder.batch_execute("COMMIT").await.unwrap();
}

/// After the incarnation each key is verified once, and then costs no statement again.
#[actix_web::test]
async fn verified_key_is_fresh_again() {
    let (_proxy, server, _, eva, _) = start().await;
    let keys = server.state().accounts.keys.clone();
    let misses = "api_key_cache_lookups_total{outcome=\"miss\"}";
    keys.start_incarnation().await;
    let (before, incarnation) = (server.reading(misses).await, keys.incarnation());
    for _ in 0..10 {
        server.get_with("/api/v1/domains", &eva.key).await.expect(200);
    }
    let looked_up = server.reading(misses).await - before;
    let incarnations = f64::from(u32::try_from(keys.incarnation() - incarnation).unwrap()) + 1.0;
    assert!((1.0..=incarnations).contains(&looked_up), "{looked_up} in {incarnations}");
    let eva = token(&server.login("eva", PASSWORD).await.expect(200));
    server.get("/api/v1/domains", &eva).await.expect(200);
}
