//! The verdict of the breaker for each kind of database error, caused on a real `PostgreSQL`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use mdl::actors::db_breaker::{Circuit, CircuitStats, DbError};
use mdl::storage::{StorageError, Transaction};
use tokio::sync::Barrier;

use crate::support::{Server, database};

async fn stats(server: &Server) -> CircuitStats {
    server
        .state()
        .db
        .report()
        .await
        .unwrap()
        .0
        .iter()
        .find(|report| report.circuit == Circuit::Domains)
        .unwrap()
        .stats
}

/// Runs SQL in a circuit that is otherwise unused. Returns the changes of its counts: successes,
/// failures, neutral.
async fn said(server: &Server, sql: &str) -> ((u64, u64, u64), Result<(), DbError>) {
    let before = stats(server).await;
    let work = async |conn: &mut AsyncPgConnection| {
        conn.batch_execute(sql).await.map_err(StorageError::from)
    };
    let outcome = server.state().db.run(Circuit::Domains, "business_domains.verdict", work).await;
    // Verdicts are messages to the actor.
    let counted = |stats: &CircuitStats| stats.successes + stats.failures + stats.neutral;
    let (began, mut after) = (Instant::now(), stats(server).await);
    while counted(&after) == counted(&before) {
        assert!(began.elapsed() < Duration::from_secs(30), "no verdict: {outcome:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        after = stats(server).await;
    }
    let change = (
        after.successes - before.successes,
        after.failures - before.failures,
        after.neutral - before.neutral,
    );
    (change, outcome)
}

const ALIVE: (u64, u64, u64) = (1, 0, 0);
const FAILURE: (u64, u64, u64) = (0, 1, 0);
const NEUTRAL: (u64, u64, u64) = (0, 0, 1);

#[actix_web::test]
async fn each_database_error_has_its_verdict() {
    let url = database::fresh().await;
    // Most errors have nothing to do with time, so that a slow machine has enough of it.
    let options =
        ["--circuit-breaker-timeout", "60000", "--circuit-breaker-volume-threshold", "1000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    // The message says nothing: servers speak many languages.
    let raise = |code: &str| {
        format!("DO $$ BEGIN RAISE EXCEPTION 'etwas ist los' USING ERRCODE = '{code}'; END $$")
    };
    let domain = "INSERT INTO business_domains (domain_id, name, created_at, updated_at) VALUES \
                  ('d', 'D', now(), now())";
    for (name, sql, verdict) in [
        ("an answer", "SELECT 1".to_owned(), ALIVE),
        ("a constraint", format!("{domain}; {domain}"), ALIVE),
        ("bad SQL", "SELEKT 1".to_owned(), ALIVE),
        ("no such table", "SELECT * FROM nothing".to_owned(), ALIVE),
        ("a killed backend", "SELECT pg_terminate_backend(pg_backend_pid())".to_owned(), FAILURE),
        ("read-only after a failover", format!("BEGIN READ ONLY; {domain}"), FAILURE),
        ("a shutdown", raise("57P03"), FAILURE),
        ("too many connections", raise("53300"), FAILURE),
        ("a full disk", raise("53100"), FAILURE),
        ("a serialisation failure", raise("40001"), NEUTRAL),
        ("a deadlock", raise("40P01"), NEUTRAL),
    ] {
        let (found, outcome) = said(&server, &sql).await;
        assert_eq!(found, verdict, "{name}: {outcome:?}");
    }
    // The pool works after all that.
    for _ in 0..20 {
        assert_eq!(said(&server, "SELECT 1").await.0, ALIVE);
    }
}

#[actix_web::test]
async fn statements_that_take_too_long_are_failures() {
    let url = database::fresh().await;
    let options =
        ["--circuit-breaker-timeout", "1000", "--circuit-breaker-volume-threshold", "1000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    for sql in ["SELECT pg_sleep(60)", "SELECT * FROM business_domains"] {
        let (found, outcome) = said(&server, sql).await;
        assert_eq!(found, FAILURE, "{sql}: {outcome:?}");
    }
    client.batch_execute("COMMIT").await.unwrap();
}

#[actix_web::test]
async fn deadlocked_transactions_are_retried() {
    let url = database::fresh().await;
    // The server looks for a deadlock after a second, long before the lock timeout.
    let server = Server::on(&url, &["--circuit-breaker-timeout", "60000"]).await;
    server.ready().await;
    let make = "INSERT INTO business_domains (domain_id, name, created_at, updated_at)
                SELECT n, n, now(), now() FROM unnest(ARRAY['a', 'b']) n";
    database::sql(&url, make).await;
    let (state, both_locked) = (server.state(), Barrier::new(2));
    let crossed = async |first: &str, second: &str| {
        let lock =
            |id: &str| format!("SELECT FROM business_domains WHERE domain_id = '{id}' FOR UPDATE");
        let (one, two) = (lock(first), lock(second));
        let is_first_attempt = AtomicBool::new(true);
        state
            .db
            .transaction(Circuit::Domains, "business_domains.crossed", async |conn| {
                conn.batch_execute(&one).await?;
                if is_first_attempt.swap(false, Ordering::SeqCst) {
                    both_locked.wait().await;
                }
                conn.batch_execute(&two).await?;
                // Locks the epoch, on which the two would queue without a deadlock.
                let paint = "UPDATE business_domains SET color = coalesce(color, '') || 'x'";
                conn.batch_execute(paint).await?;
                Ok(())
            })
            .await
    };
    let (one, two) = futures_util::future::join(crossed("a", "b"), crossed("b", "a")).await;
    one.unwrap();
    two.unwrap();
    let colors = database::sql(&url, "SELECT string_agg(color, ',') FROM business_domains").await;
    assert_eq!(colors, [["xx,xx"]]);
    // The deadlocked attempt was counted before its transaction was tried again.
    assert!(stats(&server).await.neutral >= 1, "{:?}", stats(&server).await);
}

#[actix_web::test]
async fn unrecognised_error_of_commit_is_an_unknown_outcome() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    // A deferred trigger fails during COMMIT, with the SQLSTATE in the name of the domain.
    for statement in [
        "CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'raised at commit' USING ERRCODE = NEW.name; END $$",
        "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON business_domains \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()",
    ] {
        database::sql(&url, statement).await;
    }
    for (code, is_certain) in [("23505", true), ("23514", true), ("XX000", false), ("P0001", false)]
    {
        let insert = format!(
            "INSERT INTO business_domains (domain_id, name, created_at, updated_at) \
             VALUES ('d', '{code}', now(), now())"
        );
        let work = async |conn: &mut Transaction<'_>| {
            conn.batch_execute(&insert).await.map_err(StorageError::from)
        };
        let db = server.state().db.clone();
        let outcome = db.transaction(Circuit::Domains, "business_domains.commit", work).await;
        match outcome {
            Err(DbError::Storage(_)) if is_certain => {}
            Err(DbError::UnknownOutcome { .. }) if !is_certain => {}
            other => panic!("{code}: {other:?}"),
        }
    }
}
