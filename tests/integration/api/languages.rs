//! Faults of a server whose messages are German have the same outcome as those of an English one.
//! Each fault really happens, so that its message is the server's own.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::{join, join_all};
use mdl::actors::db_breaker::{Circuit, CircuitReport, CircuitState, DbError};
use mdl::storage::{StorageError, Transaction};
use tokio::sync::Barrier;

use crate::support::{Server, database};

const LANGUAGES: [&str; 2] = ["C", "de_DE.UTF-8"];

/// Creates a database whose server speaks this language.
async fn fresh(language: &str) -> String {
    let url = database::fresh().await;
    let name = url.rsplit_once('/').unwrap().1;
    let speak = format!("ALTER DATABASE {name} SET lc_messages TO '{language}'");
    database::sql(&url, &speak).await;
    let client = database::connect(&url).await;
    let error = client.simple_query("SELECT 1/0").await.unwrap_err();
    let message = error.as_db_error().unwrap().message().to_owned();
    let has_translations = std::env::var("MDL_TEST_POSTGRES_VERSION").is_err();
    if language != "C" && has_translations {
        assert_eq!(message, "Division durch Null", "install the locale {language}: scripts/test");
    } else if language != "C" {
        println!("this build of PostgreSQL has no translations: {message}");
    }
    url
}

fn outcome<T>(result: Result<T, DbError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(DbError::Storage(_)) => "an answer",
        Err(DbError::Failed { .. }) => "failed",
        Err(DbError::UnknownOutcome { .. }) => "unknown",
        Err(DbError::Overloaded { .. }) => "overloaded",
        Err(DbError::Unavailable { .. }) => "unavailable",
        Err(DbError::Stopped) => "stopped",
    }
}

async fn report(server: &Server) -> CircuitReport {
    let circuits = server.state().db.report().await.unwrap().0;
    circuits.into_iter().find(|report| report.circuit == Circuit::Domains).unwrap()
}

async fn run(server: &Server, sql: &str) -> &'static str {
    let work = async |conn: &mut AsyncPgConnection| {
        conn.batch_execute(sql).await.map_err(StorageError::from)
    };
    outcome(server.state().db.run(Circuit::Domains, "business_domains.fault", work).await)
}

#[actix_web::test]
async fn faults_have_the_same_outcome_in_each_language() {
    let mut found = Vec::new();
    for language in LANGUAGES {
        let url = fresh(language).await;
        let options = [
            "--circuit-breaker-timeout",
            "4000",
            "--circuit-breaker-volume-threshold",
            "1000",
            "--anonymous-read",
            "true",
        ];
        let server = Server::on(&url, &options).await;
        server.ready().await;
        let domain = "INSERT INTO business_domains (domain_id, name, created_at, updated_at) \
                      VALUES ('d', 'D', now(), now())";
        let mut outcomes = Vec::new();
        for sql in [
            "SELECT pg_sleep(60)",
            "SELECT pg_terminate_backend(pg_backend_pid())",
            &format!("BEGIN READ ONLY; {domain}"),
            "SELECT * FROM nothing",
        ] {
            outcomes.push(run(&server, sql).await);
        }
        let holder = database::connect(&url).await;
        holder.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
        outcomes.push(run(&server, "SELECT * FROM business_domains").await);
        let answer = server.get("/api/v1/domains", "").await;
        answer.expect_error(503, "DATABASE_ERROR");
        holder.batch_execute("COMMIT").await.unwrap();
        server.get("/api/v1/domains", "").await.expect(200);
        let causes = report(&server).await.stats.failures_by_cause;
        assert!(causes.lock_timeout >= 2 && causes.statement_timeout >= 1, "{causes:?}");
        assert!(causes.connection >= 2, "{causes:?}");
        found.push(outcomes);
    }
    assert_eq!(found[0], ["failed", "failed", "failed", "an answer", "failed"]);
    assert_eq!(found[0], found[1]);
}

#[actix_web::test]
async fn deadlock_is_retried_in_each_language() {
    for language in LANGUAGES {
        let url = fresh(language).await;
        // The server looks for a deadlock after a second, long before the lock timeout.
        let server = Server::on(&url, &["--circuit-breaker-timeout", "60000"]).await;
        server.ready().await;
        let rows = "INSERT INTO business_domains (domain_id, name, created_at, updated_at) \
                    SELECT n, n, now(), now() FROM unnest(ARRAY['a', 'b']) n";
        database::sql(&url, rows).await;
        let (db, both_locked) = (server.state().db.clone(), Barrier::new(2));
        let crossed = async |first: &str, second: &str| {
            let lock = |id: &str| {
                format!("SELECT 1 FROM business_domains WHERE domain_id = '{id}' FOR UPDATE")
            };
            let (one, two) = (lock(first), lock(second));
            let is_first_attempt = AtomicBool::new(true);
            let work = async |conn: &mut Transaction<'_>| {
                conn.batch_execute(&one).await?;
                if is_first_attempt.swap(false, Ordering::SeqCst) {
                    both_locked.wait().await;
                }
                conn.batch_execute(&two).await?;
                Ok(())
            };
            db.transaction(Circuit::Domains, "business_domains.crossed", work).await
        };
        let (one, two) = join(crossed("a", "b"), crossed("b", "a")).await;
        assert_eq!((outcome(one), outcome(two)), ("ok", "ok"), "{language}");
        assert!(report(&server).await.stats.neutral >= 1);
    }
}

#[actix_web::test]
async fn limit_on_connections_is_overload_in_each_language() {
    for language in LANGUAGES {
        let url = fresh(language).await;
        let (role, as_role) = database::service_role(&url).await;
        // Three connections beside that for notifications.
        database::sql(&url, &format!("ALTER ROLE {role} CONNECTION LIMIT 4")).await;
        let options = ["--db-pool-max", "10", "--db-connection-timeout", "500"];
        let server = Server::on(&as_role, &options).await;
        server.ready().await;
        let naps = (0..7).map(|_| run(&server, "SELECT pg_sleep(1)"));
        let outcomes = join_all(naps).await;
        let refused = outcomes.iter().filter(|outcome| **outcome == "overloaded").count();
        let served = outcomes.iter().filter(|outcome| **outcome == "ok").count();
        assert!(refused > 0 && served > 0 && refused + served == 7, "{language}: {outcomes:?}");
        let report = report(&server).await;
        assert_eq!((report.state, report.stats.failures), (CircuitState::Closed, 0), "{report:?}");
    }
}
