//! What the service remembers: fresh answers cost no statement, changes are seen at once, outages
//! are bridged.

use std::time::{Duration, Instant};

use mdl::model::authority::Concern;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Server, database};

/// How many calls of the metrics circuit were let through; the poll of the epoch is one of them.
async fn fires(server: &Server) -> u64 {
    server.state().db.report().await.unwrap().0[0].stats.fires
}

#[actix_web::test]
async fn a_fresh_answer_costs_no_statement_and_a_change_is_seen_at_once() {
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
        // The order of parameters makes no other question.
        server.get("/api/v1/metrics?sort=name&limit=10", &admin).await.expect(200);
    }
    let polls = began.elapsed().as_secs() + 1;
    assert!(fires(&server).await - before <= polls, "a remembered answer asked the database");
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
async fn another_process_follows_by_notification_and_without_it_within_a_second() {
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
    // The listeners are ended; what they miss is found by asking.
    for round in 0..3 {
        let listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        database::sql(&url, listeners).await;
        let took = followed(&format!("lost{round}")).await;
        assert!(took < Duration::from_millis(2500), "{took:?}");
    }
}

#[actix_web::test]
async fn an_outage_is_bridged_with_marked_answers() {
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
    // Another change, so that what is remembered is not the present epoch's any more.
    server.put("/api/v1/domains/d2", &admin, &json!({"color": "x"})).await.expect(200);
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
    // What was never asked, writes, log-ins and strangers: 503, not 401.
    server.get("/api/v1/metrics/m2", &admin).await.expect_error(503, "DATABASE_ERROR");
    server
        .put("/api/v1/metrics/m1", &admin, &json!({"tags": []}))
        .await
        .expect_error(503, "DATABASE_ERROR");
    server.login("admin", "whatever it may be").await.expect_error(503, "DATABASE_ERROR");
    server.get("/api/v1/metrics/m1", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    proxy.open();
    server.well().await;
    let fresh = server.get("/api/v1/metrics/m1", &admin).await.expect(200);
    assert_eq!(fresh.header("x-cache"), "");
    server.put("/api/v1/metrics/m1", &admin, &json!({"tags": []})).await.expect(200);
}

#[actix_web::test]
async fn who_was_put_out_before_the_outage_stays_out() {
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

/// The door is held open while the database is asked about both: the one who ends meanwhile is
/// forgotten, the other is not.
#[actix_web::test]
async fn who_ends_while_it_is_asked_about_is_not_remembered_and_nobody_else_suffers() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let server = Server::on(&proxy.url(&url), &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (id, editor) = server.user(&admin, "eva", "editor").await;
    server.get("/api/v1/domains", &editor).await.expect(200);
    server.settled().await;
    let (holder, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    holder.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
    let meanwhile = async {
        database::until_locked(&url, 2, "%family_id%").await;
        server.state().end(Concern::User(id.parse().unwrap())).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let asked =
        (server.get("/api/v1/domains", &admin), server.get("/api/v1/domains", &editor), meanwhile);
    let (by_admin, by_editor, ()) = futures_util::future::join3(asked.0, asked.1, asked.2).await;
    assert_eq!((by_admin.status, by_editor.status), (200, 200));
    proxy.close();
    server.get("/api/v1/domains", &admin).await.expect(200);
    server.get("/api/v1/domains", &editor).await.expect_error(503, "DATABASE_ERROR");
}
