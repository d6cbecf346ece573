//! The audit log is append-only for the service's own role, and shrinks only by the purge of old
//! rows.

use diesel_async::RunQueryDsl;
use mdl::actors::db_breaker::Circuit;
use mdl::storage::Transaction;
use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::support::{Server, database};

/// A service whose role owns its database and is no superuser, as an operator would set it up.
async fn as_owner(role: &str, options: &[&str]) -> Server {
    let url = database::empty().await;
    let name = url.rsplit_once('/').unwrap().1.to_owned();
    let create = format!("CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}");
    database::sql(&url, &create).await;
    database::sql(&url, &format!("GRANT ALL ON SCHEMA public TO {role}")).await;
    let server = Server::on(&url.replacen("postgres@", &format!("{role}@"), 1), options).await;
    server.ready().await;
    server
}

/// Runs a statement on the service's own connections. Returns the number of rows, or the error.
async fn execute(server: &Server, statement: &str) -> Result<usize, String> {
    let work =
        async |conn: &mut Transaction<'_>| Ok(diesel::sql_query(statement).execute(conn).await?);
    let done = server.state().db.transaction(Circuit::Auth, "users.test", work).await;
    done.map_err(|error| format!("{error:?}"))
}

async fn count(server: &Server, condition: &str) -> usize {
    let query = format!("SELECT count(*) FROM audit_events WHERE {condition}");
    database::sql(&server.database_url, &query).await[0][0].parse().unwrap()
}

async fn insert_old(server: &Server, days: u32, rows: u32) {
    let insert = format!(
        "INSERT INTO audit_events (occurred_at, actor, action, target) \
         SELECT now() - interval '{days} days', 'old', 'user.created', 'x' \
         FROM generate_series(1, {rows})"
    );
    execute(server, &insert).await.unwrap();
}

#[actix_web::test]
async fn update_delete_and_truncate_by_the_services_role_are_refused() {
    let server = as_owner("mdl_audit_owner", &[]).await;
    let admin = server.admin().await;
    server
        .post("/api/v1/domains", &admin, &json!({"domain_id": "d", "name": "D"}))
        .await
        .expect(201);
    insert_old(&server, 100, 3).await;
    let owner = "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'audit_events'";
    assert_eq!(database::sql(&server.database_url, owner).await[0][0], "t");
    let all = count(&server, "true").await;
    assert!(all >= 5);
    for statement in [
        "UPDATE audit_events SET actor = 'x'",
        "UPDATE audit_events SET actor = 'x' WHERE false",
        "DELETE FROM audit_events",
        "DELETE FROM audit_events WHERE occurred_at < now() - interval '1 year'",
        "TRUNCATE audit_events",
        "TRUNCATE audit_events RESTART IDENTITY CASCADE",
        "INSERT INTO audit_events (event_id, occurred_at, action) OVERRIDING SYSTEM VALUE \
         SELECT event_id, now(), 'user.created' FROM audit_events LIMIT 1 \
         ON CONFLICT (event_id) DO UPDATE SET actor = 'x'",
        "WITH gone AS (DELETE FROM audit_events RETURNING *) SELECT count(*) FROM gone",
    ] {
        let refused = execute(&server, statement).await.unwrap_err();
        assert!(refused.contains("audit_events is append-only"), "{statement}: {refused}");
    }
    // Neither a setting nor a text that looks like the purge function lets a client delete.
    let frame = "PL/pgSQL function public.purge_audit_events(timestamp with time zone,bigint) \
                 line 7 at SQL statement";
    let delete = "DELETE FROM audit_events WHERE occurred_at < now() - interval '30 days'";
    for script in [
        format!("SET mdl.audit_purge = 'on'; {delete}"),
        format!("DO $$ BEGIN {delete}; END $$"),
        format!("DO $$ BEGIN {delete} /*\n{frame}\n{frame}*/; END $$"),
        format!("{delete} /*\n{frame}\n{frame}*/"),
        format!(
            "CREATE SCHEMA other; CREATE FUNCTION other.purge_audit_events(timestamptz, bigint) \
             RETURNS void LANGUAGE plpgsql AS $$ BEGIN {delete}; END $$; \
             SET LOCAL search_path = other, public; SELECT purge_audit_events(now(), 1)"
        ),
    ] {
        let refused = database_error(&server, &format!("BEGIN; {script}; COMMIT")).await;
        assert!(refused.contains("append-only"), "{script}: {refused}");
    }
    assert_eq!(count(&server, "true").await, all);
    let young = count(&server, "occurred_at > now() - interval '1 day'").await;
    execute(&server, "SELECT purge_audit_events('infinity', 1000000)").await.unwrap();
    assert_eq!(count(&server, "occurred_at < now() - interval '1 day'").await, 0);
    assert_eq!(count(&server, "true").await, young + 1, "old rows are deleted, one row is added");
    let row = "action = 'audit.purged' AND channel = 'system' AND actor = 'mdl' \
               AND details->>'rows' = '3' AND details->>'database_role' = 'mdl_audit_owner'";
    assert_eq!(count(&server, row).await, 1);
    let after = "SELECT purge_audit_events('infinity', 1); DELETE FROM audit_events WHERE false";
    let refused = database_error(&server, &format!("BEGIN; {after}; COMMIT")).await;
    assert!(refused.contains("append-only"), "{refused}");
}

#[actix_web::test]
async fn embedded_database_deletes_old_rows_only_by_the_purge() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    insert_old(&server, 100, 2).await;
    let delete = "DELETE FROM audit_events WHERE occurred_at < now() - interval '30 days'";
    let refused = execute(&server, delete).await.unwrap_err();
    assert!(refused.contains("append-only"), "{refused}");
    let purged = server
        .state()
        .db
        .transaction(Circuit::Auth, "users.test", async |conn| {
            let actor = mdl::storage::audit_events::Actor::system();
            let rows = mdl::storage::audit_events::purge(conn, &actor, chrono::Utc::now(), 10);
            let rows = rows.await?;
            Ok((rows, actor.trail.take().0.len()))
        })
        .await
        .unwrap();
    assert_eq!(purged, (2, 1), "the row audit.purged is in the trail");
    server.stop().await;
}

/// Runs a script on a connection of the service's role, and returns the error.
async fn database_error(server: &Server, script: &str) -> String {
    let (client, connection) =
        tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    let driving = tokio::spawn(connection);
    let error = client.batch_execute(script).await.unwrap_err();
    drop(client);
    let _ = driving.await;
    error.as_db_error().unwrap().message().to_owned()
}

#[actix_web::test]
async fn purge_by_another_role_is_refused() {
    let server = as_owner("mdl_audit_owner_two", &[]).await;
    database::sql(&database::url("postgres"), "CREATE ROLE mdl_audit_other LOGIN").await;
    let other = server.database_url.replacen("mdl_audit_owner_two@", "mdl_audit_other@", 1);
    let (client, connection) =
        tokio_postgres::connect(&other, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let error = client.batch_execute("SELECT purge_audit_events('infinity', 1)").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error:?}");
}

#[actix_web::test]
async fn old_rows_are_purged_in_the_background() {
    let url = database::fresh().await;
    let first = Server::on(&url, &[]).await;
    first.ready().await;
    insert_old(&first, 31, 10).await;
    insert_old(&first, 100, 2500).await;
    first.stop().await;
    let keeping = Server::on(&url, &["--audit-retention-days", "0"]).await;
    keeping.ready().await;
    keeping.admin().await;
    assert_eq!(count(&keeping, "actor = 'old'").await, 2510, "0 keeps rows without limit");
    keeping.stop().await;
    let server = Server::on(&url, &["--audit-retention-days", "60"]).await;
    server.ready().await;
    database::until(&url, "SELECT count(*) = 10 FROM audit_events WHERE actor = 'old'").await;
    let recorded = "SELECT sum((details->>'rows')::int) = 2500 FROM audit_events \
                    WHERE action = 'audit.purged'";
    database::until(&url, recorded).await;
    assert!(
        count(&server, "action = 'user.created' AND channel = 'system'").await == 1,
        "young rows stay"
    );
}

#[test]
fn retention_is_zero_or_thirty_days_at_least() {
    use clap::Parser;
    let parse = |days: &str| {
        mdl::app::cli::Cli::try_parse_from(["mdl", "--audit-retention-days", days]).is_ok()
    };
    assert!(parse("0") && parse("30") && parse("365"));
    assert!(!parse("1") && !parse("29") && !parse("-1") && !parse("x"));
}
