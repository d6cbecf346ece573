//! Limits of this process, of its role and of other writers are no failure of the database.

use std::cell::Cell;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join;
use mdl::actors::db_breaker::{Circuit, CircuitReport, CircuitState, DbError};
use mdl::storage::{StorageError, Transaction};
use serde_json::json;

use crate::support::{Server, database};

async fn run(server: &Server, sql: &str) -> Result<(), DbError> {
    let db = server.state().db.clone();
    db.run(Circuit::Domains, "business_domains.limits", async |conn| {
        conn.batch_execute(sql).await.map_err(StorageError::from)
    })
    .await
}

async fn domains(server: &Server) -> CircuitReport {
    let reports = server.state().db.report().await.unwrap().0;
    reports.into_iter().find(|report| report.circuit == Circuit::Domains).unwrap()
}

#[actix_web::test]
async fn service_is_ready_while_its_own_calls_take_all_connections() {
    // The second is longer than the time limit of a check.
    for wait in ["500", "5000"] {
        let url = database::fresh().await;
        let options = ["--db-pool-max", "1", "--db-connection-timeout", wait];
        let server = Server::on(&url, &options).await;
        server.ready().await;
        server.settled().await;
        let (is_held, checks) = (Cell::new(true), Cell::new(0));
        let holder = async {
            run(&server, "SELECT pg_sleep(4)").await.unwrap();
            is_held.set(false);
        };
        let checker = async {
            while is_held.get() {
                server.get("/health/ready", "").await.expect(200);
                checks.set(checks.get() + 1);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        join(holder, checker).await;
        assert!(checks.get() > 1, "{}", checks.get());
    }
}

#[actix_web::test]
async fn circuit_closes_although_the_pool_holds_all_connections_of_the_role() {
    let url = database::fresh().await;
    let (role, as_role) = database::service_role(&url).await;
    let options = [
        "--db-pool-max",
        "2",
        "--circuit-breaker-timeout",
        "1000",
        "--circuit-breaker-reset-timeout",
        "1000",
        "--circuit-breaker-volume-threshold",
        "2",
    ];
    let server = Server::on(&as_role, &options).await;
    server.ready().await;
    // Two of the pool, and one to listen.
    let three = format!("SELECT count(*) = 3 FROM pg_stat_activity WHERE usename = '{role}'");
    database::until(&url, &three).await;
    database::sql(&url, &format!("ALTER ROLE {role} CONNECTION LIMIT 3")).await;
    while domains(&server).await.state == CircuitState::Closed {
        assert!(run(&server, "SELECT pg_sleep(5)").await.is_err());
    }
    assert_eq!(database::sql(&url, &three).await, [["t"]], "the statement timeout keeps them");
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while domains(&server).await.state != CircuitState::Closed {
        assert!(std::time::Instant::now() < until, "{:#?}", domains(&server).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run(&server, "SELECT 1").await.unwrap();
}

#[actix_web::test]
async fn deadline_of_a_late_wait_for_another_writer_is_overload() {
    let url = database::fresh().await;
    let server = Server::on(&url, &["--circuit-breaker-timeout", "4000"]).await;
    server.ready().await;
    let admin = server.admin().await;
    // The first attempt leaves less time to the second than the lock timeout of 1.8 s.
    for statement in [
        "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_sleep(2.6); RAISE EXCEPTION 'late' USING ERRCODE = '40001'; END $$",
        "CREATE TRIGGER conflict BEFORE INSERT ON business_domains \
         FOR EACH ROW EXECUTE FUNCTION conflict()",
    ] {
        database::sql(&url, statement).await;
    }
    let other = database::connect(&url).await;
    let body = json!({"domain_id": "d", "name": "D"});
    let write = server.post("/api/v1/domains", &admin, &body);
    let others = async {
        let sleeps = "SELECT count(*) = 1 FROM pg_stat_activity \
                      WHERE datname = current_database() AND wait_event = 'PgSleep'";
        database::until(&url, sleeps).await;
        // Is the first in the queue when the first attempt is rolled back.
        other.batch_execute("BEGIN; SELECT FROM catalogue_epochs FOR UPDATE").await.unwrap();
    };
    let (written, ()) = join(write, others).await;
    written.expect_error(503, "OVERLOADED");
    let report = domains(&server).await;
    assert_eq!((report.stats.failures, report.last_error.clone()), (0, None), "{report:#?}");
    // The waiting statement was cancelled.
    database::until_locked(&url, 0, "%catalogue_epochs%").await;
    other.batch_execute("COMMIT").await.unwrap();
}

#[actix_web::test]
async fn certain_rollback_is_no_unknown_outcome() {
    let url = database::fresh().await;
    let server = Server::on(&url, &["--circuit-breaker-volume-threshold", "1000"]).await;
    server.ready().await;
    // A deferred trigger fails during COMMIT, with the SQLSTATE in the name of the domain.
    for statement in [
        "CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'etwas ist los' USING ERRCODE = NEW.name; END $$",
        "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON business_domains \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()",
    ] {
        database::sql(&url, statement).await;
    }
    for (code, expected) in [
        ("55P03", "overloaded"),
        ("57014", "failed"),
        ("53100", "failed"),
        ("53400", "storage"),
        ("25006", "failed"),
        ("40003", "unknown"),
        ("08006", "unknown"),
    ] {
        let insert = format!(
            "INSERT INTO business_domains (domain_id, name, created_at, updated_at) \
             VALUES ('d', '{code}', now(), now())"
        );
        let work = async |conn: &mut Transaction<'_>| {
            conn.batch_execute(&insert).await.map_err(StorageError::from)
        };
        let db = server.state().db.clone();
        let outcome = db.transaction(Circuit::Domains, "business_domains.commit", work).await;
        let found = match &outcome {
            Err(DbError::Overloaded { .. }) => "overloaded",
            Err(DbError::Failed { .. }) => "failed",
            Err(DbError::Storage(_)) => "storage",
            Err(DbError::UnknownOutcome { .. }) => "unknown",
            _ => "other",
        };
        assert_eq!(found, expected, "{code}: {outcome:?}");
    }
}
