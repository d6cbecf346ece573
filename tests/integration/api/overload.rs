//! Limits of the service itself, and writes whose outcome is unknown, are told apart from an
//! outage of the database.

use std::time::Duration;

use diesel_async::RunQueryDsl;
use futures_util::future::{join, join_all};
use mdl::actors::db_breaker::{Circuit, CircuitState, DbError};
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, database, json_body};

const ONE_CONNECTION: [&str; 6] =
    ["--db-pool-max", "1", "--db-connection-timeout", "500", "--anonymous-read", "true"];

#[actix_web::test]
async fn waiters_beyond_the_limit_are_refused_at_once() {
    let url = database::fresh().await;
    let server = Server::on(&url, &ONE_CONNECTION).await;
    server.ready().await;
    let db = server.state().db.clone();
    let nap = || {
        db.run(Circuit::Domains, "server.ping", async |conn| {
            diesel::sql_query("SELECT pg_sleep(1)").execute(conn).await?;
            Ok(())
        })
    };
    let outcomes = join_all((0..100).map(|_| nap())).await;
    for outcome in outcomes.iter().filter(|outcome| outcome.is_err()) {
        match outcome {
            Err(DbError::Overloaded { retry_after }) => {
                assert!(*retry_after >= Duration::from_secs(1), "{retry_after:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(outcomes.iter().any(Result::is_ok) && outcomes.iter().any(Result::is_err));
    for report in db.report().await.unwrap().0 {
        assert_eq!((report.state, report.stats.failures), (CircuitState::Closed, 0), "{report:?}");
    }
    let causes: Vec<_> = server.logs.events("no database connection");
    assert!((1..=2).contains(&causes.len()), "aggregated: {causes:?}");
    assert_eq!(causes[0]["level"], "WARN");
    assert_eq!(causes[0]["circuit"], "domains");
}

#[actix_web::test]
async fn cached_read_is_stale_under_overload() {
    let url = database::fresh().await;
    let server = Server::on(&url, &ONE_CONNECTION).await;
    server.ready().await;
    server.settled().await;
    server.get("/api/v1/metrics", "").await.expect(200);
    let admin = server.admin().await;
    // Changes the epoch of the catalogue, so that the cached response is no longer fresh.
    server
        .post("/api/v1/domains", &admin, &json!({"domain_id": "d", "name": "D"}))
        .await
        .expect(201);
    let db = server.state().db.clone();
    let holder = db.run(Circuit::Domains, "server.ping", async |conn| {
        diesel::sql_query("SELECT pg_sleep(2)").execute(conn).await?;
        Ok(())
    });
    let crowd = async {
        let sleeping = "SELECT count(*) = 1 FROM pg_stat_activity \
                        WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' \
                        AND state = 'active' AND application_name LIKE 'mdl/%'";
        database::until(&url, sleeping).await;
        let stale = server.get("/api/v1/metrics", "").await.expect(200);
        assert_eq!(stale.header("x-cache"), "STALE");
        server.get("/api/v1/metrics/none", "").await.expect_error(503, "OVERLOADED");
    };
    let (held, ()) = join(holder, crowd).await;
    held.unwrap();
}

#[actix_web::test]
async fn write_whose_commit_is_unconfirmed_is_504_without_retry_after() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    // A deferred trigger fails during COMMIT with an error that proves nothing.
    for statement in [
        "CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'raised at commit' USING ERRCODE = 'XX000'; END $$",
        "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON business_domains \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()",
    ] {
        database::sql(&url, statement).await;
    }
    let body = json!({"domain_id": "d", "name": "D"});
    let answer = server
        .send(Method::POST, "/api/v1/domains", &admin, &[], Some(json_body(&body)))
        .await
        .expect_error(504, "OUTCOME_UNKNOWN");
    assert_eq!(answer.header("retry-after"), "");
    let error = &answer.json()["error"];
    assert!(error["retryAfter"].is_null());
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("Idempotency-Key") && !message.contains("raised"), "{message}");
    assert!(server.reading("http_server_errors_total{status_code=\"504\"}").await >= 1.0);
    let failed = server.logs.events("request failed");
    assert_eq!(failed.last().unwrap()["code"], "OUTCOME_UNKNOWN");
}
