//! The catalogue never takes the whole connection pool, and its writers only a part of its share:
//! while one of them takes long, everything else works.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use mdl::actors::db_breaker::{Circuit, CircuitState};
use serde_json::json;

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, database};

/// Of four connections the catalogue may take three, and its writers one.
const POOL: [&str; 6] =
    ["--db-pool-max", "4", "--db-connection-timeout", "2000", "--anonymous-read", "true"];

async fn started(options: &[&str]) -> (Server, String) {
    let url = database::fresh().await;
    let server = Server::on(&url, &[&POOL[..], options].concat()).await;
    server.ready().await;
    server.warm(4).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    (server, admin)
}

async fn assert_circuits_never_failed(server: &Server) {
    for report in server.state().db.report().await.unwrap().0 {
        assert_eq!((report.state, report.stats.failures), (CircuitState::Closed, 0), "{report:?}");
    }
}

#[actix_web::test]
async fn writers_that_wait_for_another_change_are_refused_as_overload() {
    // One writer waits for the lock for nearly five seconds. The others have no time limit that a
    // slow machine could reach.
    let options = ["--circuit-breaker-timeout", "10000", "--circuit-breaker-volume-threshold", "3"];
    let (server, admin) = started(&options).await;
    server.get("/api/v1/domains", "").await.expect(200);
    // As a long import of another process does.
    let other = database::connect(&server.database_url).await;
    other.batch_execute("BEGIN; SELECT FROM catalogue_epochs FOR UPDATE").await.unwrap();
    let write = async |number: usize| {
        let body = json!({"domain_id": format!("n{number}"), "name": format!("N{number}")});
        for _ in 0..3 {
            let refused = server.post("/api/v1/domains", &admin, &body).await;
            let refused = refused.expect_error(503, "OVERLOADED");
            assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        }
    };
    let others = async {
        database::until_locked(&server.database_url, 1, "%catalogue_epochs%").await;
        for page in 2..7 {
            server.get("/api/v1/domains", "").await.expect(200);
            // Not cached, so that it needs a connection.
            server.get(&format!("/api/v1/metrics?page={page}"), "").await.expect(200);
            server.login("admin", ADMIN_PASSWORD).await.expect(200);
        }
    };
    join(join_all((0..40).map(write)), others).await;
    assert_circuits_never_failed(&server).await;
    other.batch_execute("COMMIT").await.unwrap();
    server
        .post("/api/v1/domains", &admin, &json!({"domain_id": "n", "name": "N"}))
        .await
        .expect(201);
}

#[actix_web::test]
async fn slow_searches_leave_connections_to_log_ins() {
    // The searches do not reach the lock timeout, which is a little less than half of this.
    let (server, _) = started(&["--circuit-breaker-timeout", "120000"]).await;
    let other = database::connect(&server.database_url).await;
    other.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    let search = async |word: usize| {
        let answer = server.get(&format!("/api/v1/metrics?search=w{word}"), "").await;
        if answer.status == 200 {
            return;
        }
        answer.expect_error(503, "OVERLOADED");
    };
    let others = async {
        database::until_locked(&server.database_url, 3, "%").await;
        for _ in 0..6 {
            server.login("admin", ADMIN_PASSWORD).await.expect(200);
        }
        // All the time the searches had their share.
        database::until_locked(&server.database_url, 3, "%").await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    join(join_all((0..60).map(search)), others).await;
    assert_circuits_never_failed(&server).await;
}

#[actix_web::test]
async fn epoch_is_polled_while_the_catalogue_is_busy() {
    let (server, _) = started(&["--circuit-breaker-timeout", "120000"]).await;
    let other = database::connect(&server.database_url).await;
    other.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    let search =
        async |word: usize| server.get(&format!("/api/v1/metrics?search=w{word}"), "").await;
    let poll = async {
        database::until_locked(&server.database_url, 3, "%").await;
        let db = server.state().db.clone();
        let read = db.run_reserved(Circuit::Metrics, "catalogue_epochs.get", async |conn| {
            mdl::storage::catalogue_epochs::get(conn).await
        });
        assert!(read.await.unwrap() > 0);
        other.batch_execute("COMMIT").await.unwrap();
    };
    join(join_all((0..4).map(search)), poll).await;
}

#[actix_web::test]
async fn pool_of_one_or_two_connections_serves_everything() {
    for size in ["1", "2"] {
        let url = database::fresh().await;
        let options = ["--db-pool-max", size, "--db-connection-timeout", "10000"];
        let server = Server::on(&url, &options).await;
        server.ready().await;
        let admin = server.admin().await;
        server.domains(&admin).await;
        let work = async |number: usize| {
            let id = format!("m{number}");
            server.post("/api/v1/metrics", &admin, &metric(&id)).await.expect(201);
            server.get(&format!("/api/v1/metrics/{id}"), &admin).await.expect(200);
            server.login("admin", ADMIN_PASSWORD).await.expect(200);
        };
        join_all((0..8).map(work)).await;
        assert_circuits_never_failed(&server).await;
    }
}

#[actix_web::test]
async fn dry_run_waits_for_no_lock_and_holds_none() {
    let (server, admin) = started(&["--circuit-breaker-timeout", "120000"]).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let other = database::connect(&server.database_url).await;
    other
        .batch_execute(
            "BEGIN; SELECT FROM catalogue_epochs FOR UPDATE; SELECT FROM metrics FOR UPDATE; \
             SELECT FROM business_domains FOR UPDATE",
        )
        .await
        .unwrap();
    let mut changed = metric("m1");
    changed["business_domain"] = json!("Revenue");
    changed["tags"] = json!(["new"]);
    let mut kept = metric("m2");
    kept["business_domain"] = json!("Revenue");
    let document = json!({
        "domains": [{"domain_id": "d1", "name": "Revenue"}],
        "metrics": [changed, kept],
    });
    let rehearsed = server.post("/api/v1/import?dry_run=true", &admin, &document).await.expect(200);
    other.batch_execute("COMMIT").await.unwrap();
    let counts = json!({"created": 1, "updated": 2, "unchanged": 0, "errors": 0});
    assert_eq!(rehearsed.json()["data"]["counts"], counts);
    let done = server.post("/api/v1/import", &admin, &document).await.expect(200);
    assert_eq!(done.json()["data"]["items"], rehearsed.json()["data"]["items"]);
}

#[actix_web::test]
async fn dry_run_counts_the_rename_of_a_domain_as_no_change_of_its_metrics() {
    let (server, admin) = started(&[]).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let mut renamed = metric("m1");
    renamed["business_domain"] = json!("Revenue");
    let document = json!({
        "domains": [{"domain_id": "d1", "name": "Revenue"}],
        "metrics": [renamed],
    });
    let rehearsed = server.post("/api/v1/import?dry_run=true", &admin, &document).await.expect(200);
    let counts = json!({"created": 0, "updated": 1, "unchanged": 1, "errors": 0});
    assert_eq!(rehearsed.json()["data"]["counts"], counts);
    let done = server.post("/api/v1/import", &admin, &document).await.expect(200);
    assert_eq!(done.json()["data"]["items"], rehearsed.json()["data"]["items"]);
}

#[actix_web::test]
async fn calls_whose_turn_does_not_come_without_connections_count_as_failures() {
    let url = database::fresh().await;
    let (role, as_role) = database::service_role(&url).await;
    // Three calls wait for a connection, the others for their turn.
    let options = ["--db-connection-timeout", "500", "--circuit-breaker-volume-threshold", "30"];
    let options = [&POOL[..2], &options[..]].concat();
    let server = Server::on(&as_role, &options).await;
    server.ready().await;
    database::sql(&url, &format!("ALTER ROLE {role} CONNECTION LIMIT 0")).await;
    let state = server.state();
    let call = |_| state.db.run(Circuit::Domains, "business_domains.test", async |_| Ok(()));
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'"
    );
    // A connection that was ended just now may look usable until its end has been read.
    let began = Instant::now();
    while call(0).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "its connections do not end");
        database::sql(&url, &end).await;
    }
    let called = join_all((0..40).map(call)).await;
    assert!(called.iter().all(Result::is_err));
    let circuits = server.state().db.report().await.unwrap().0;
    let domains = circuits.iter().find(|report| report.circuit == Circuit::Domains).unwrap();
    assert_eq!(domains.state, CircuitState::Open, "{domains:#?}");
}
