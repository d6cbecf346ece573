//! The response cache: fresh responses cost no statement, changes invalidate them, outages are
//! answered with stale ones.

use std::time::{Duration, Instant};

use mdl::model::authority::InvalidationScope;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Server, database};

/// Counts the calls that the metrics circuit permitted; the poll of the epoch is one of them.
async fn fires(server: &Server) -> u64 {
    server.state().db.report().await.unwrap().0[0].stats.fires
}

#[actix_web::test]
async fn fresh_response_costs_no_statement_and_is_invalidated_by_changes() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (path, list) = ("/api/v1/metrics/m1", "/api/v1/metrics?limit=10&sort=name");
    server.get(path, &admin).await.expect(200);
    server.get(list, &admin).await.expect(200);
    let (before, began) = (fires(&server).await, Instant::now());
    for _ in 0..50 {
        server.get(path, &admin).await.expect(200);
        // The order of parameters makes no difference.
        server.get("/api/v1/metrics?sort=name&limit=10", &admin).await.expect(200);
    }
    let polls = began.elapsed().as_secs() + 1;
    assert!(fires(&server).await - before <= polls, "a cached response queried the database");
    for round in 0..20 {
        let tag = json!({"tags": [format!("t{round}")]});
        server.put(path, &admin, &tag).await.expect(200);
        assert_eq!(server.get(path, &admin).await.json()["data"]["tags"], tag["tags"]);
        assert_eq!(server.get(list, &admin).await.json()["data"][0]["tags"], tag["tags"]);
    }
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    assert_eq!(server.get(path, &admin).await.json()["data"]["business_domain"], "Money");
    server.delete(path, &admin).await.expect(200);
    server.get(path, &admin).await.expect_error(404, "NOT_FOUND");
}

#[actix_web::test]
async fn changes_reach_other_processes_by_notification_or_poll() {
    let url = database::fresh().await;
    let proxy = Proxy::start(true).await;
    let (writer, reader) = (Server::on(&url, &[]).await, Server::on(&proxy.url(&url), &[]).await);
    writer.ready().await;
    reader.ready().await;
    let admin = writer.admin().await;
    writer.domains(&admin).await;
    let path = "/api/v1/domains/d1";
    let followed = async |color: &str| {
        reader.get(path, &admin).await.expect(200);
        writer.put(path, &admin, &json!({"color": color})).await.expect(200);
        let began = Instant::now();
        while reader.get(path, &admin).await.json()["data"]["color"] != color {
            assert!(began.elapsed() < Duration::from_secs(3), "it does not follow");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        began.elapsed()
    };
    let mut notified: Vec<Duration> = Vec::new();
    for round in 0..20 {
        notified.push(followed(&format!("c{round}")).await);
    }
    notified.sort();
    println!("a change is seen by another process after {:?} (median of 20)", notified[10]);
    assert!(notified[10] < Duration::from_millis(500));
    // The listening connections are closed; the poll finds what they miss.
    for round in 0..3 {
        let listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        database::sql(&url, listeners).await;
        let took = followed(&format!("lost{round}")).await;
        assert!(took < Duration::from_millis(2500), "{took:?}");
    }
}

#[actix_web::test]
async fn outage_is_answered_with_stale_responses() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.settled().await;
    let paths = [
        "/api/v1/metrics/m1",
        "/api/v1/metrics?tier=Tier-1",
        "/api/v1/domains",
        "/api/v1/domains/d1",
        "/api/v1/metrics/m1/history",
    ];
    let mut known = Vec::new();
    for path in paths {
        known.push(server.get(path, &admin).await.expect(200));
    }
    // A change of all that these responses show: the metric has the name of its domain.
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    proxy.close();
    for round in 0..15 {
        for (path, before) in paths.iter().zip(&known) {
            let answer = server.get(path, &admin).await.expect(200);
            assert_eq!(answer.text, before.text, "{path} in round {round}");
            assert_eq!(answer.header("x-cache"), "STALE");
            assert!(answer.header("warning").starts_with("110"));
            assert!(answer.header("age").parse::<u64>().is_ok());
        }
    }
    assert_eq!(server.get("/health", "").await.json()["status"], "degraded");
    // Uncached reads, writes, log-ins and unknown callers: 503, not 401.
    server.get("/api/v1/metrics/m2", &admin).await.expect_error(503, "DATABASE_ERROR");
    server
        .put("/api/v1/metrics/m1", &admin, &json!({"tags": []}))
        .await
        .expect_error(503, "DATABASE_ERROR");
    server.login("admin", "whatever it may be").await.expect_error(503, "DATABASE_ERROR");
    server.get("/api/v1/metrics/m1", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    proxy.open();
    server.circuits_closed().await;
    let fresh = server.get("/api/v1/metrics/m1", &admin).await.expect(200);
    assert_eq!(fresh.header("x-cache"), "");
    server.put("/api/v1/metrics/m1", &admin, &json!({"tags": []})).await.expect(200);
}

#[actix_web::test]
async fn revoked_session_is_refused_during_outage() {
    let proxy = Proxy::start(true).await;
    let server =
        Server::on(&proxy.url(&database::fresh().await), &["--db-connection-timeout", "1000"])
            .await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (id, editor) = server.user(&admin, "eva", "editor").await;
    server.get("/api/v1/domains", &editor).await.expect(200);
    server
        .put(&format!("/api/auth/users/{id}"), &admin, &json!({"status": "suspended"}))
        .await
        .expect(200);
    server.settled().await;
    server.get("/api/v1/domains", &admin).await.expect(200);
    proxy.close();
    server.get("/api/v1/domains", &admin).await.expect(200);
    server.get("/api/v1/domains", &editor).await.expect_error(503, "DATABASE_ERROR");
}

/// Both sessions are looked up while one is invalidated: that one is looked up again, the other is
/// not. Both are cached then.
#[actix_web::test]
async fn session_invalidated_during_its_lookup_is_looked_up_again() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let server = Server::on(&proxy.url(&url), &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (id, editor) = server.user(&admin, "eva", "editor").await;
    server.get("/api/v1/domains", &editor).await.expect(200);
    server.settled().await;
    // Nothing is fresh.
    server.state().accounts.keys.start_incarnation().await;
    database::sql(&url, "CREATE EXTENSION pg_stat_statements").await;
    let lookups = async || -> i64 {
        let calls = "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%family_id%' \
                     AND query NOT LIKE '%pg_stat%' \
                     AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        database::sql(&url, calls).await[0][0].parse().unwrap()
    };
    let before = lookups().await;
    let holder = database::connect(&url).await;
    holder.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
    let meanwhile = async {
        database::until_locked(&url, 2, "%family_id%").await;
        server.state().accounts.invalidate(InvalidationScope::User(id.parse().unwrap())).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let asked =
        (server.get("/api/v1/domains", &admin), server.get("/api/v1/domains", &editor), meanwhile);
    let (by_admin, by_editor, ()) = futures_util::future::join3(asked.0, asked.1, asked.2).await;
    assert_eq!((by_admin.status, by_editor.status), (200, 200));
    assert_eq!(lookups().await - before, 3);
    proxy.close();
    server.get("/api/v1/domains", &admin).await.expect(200);
    server.get("/api/v1/domains", &editor).await.expect(200);
}
