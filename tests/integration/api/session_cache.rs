//! Access tokens of cached sessions: a read costs no statement, and whatever ends or narrows the
//! authority of a session ends what is cached of it.

use std::time::Duration;

use futures_util::future::join;
use mdl::model::authority::InvalidationScope;
use serde_json::json;

use crate::support::database::{self, sql};
use crate::support::notifications::Listener;
use crate::support::samples::metric;
use crate::support::{PASSWORD, Server, token};

const METRIC: &str = "/api/v1/metrics/m";
/// A read that needs no statement once its response is cached.
const READ: &str = "/api/v1/metrics?limit=1";
/// A read for administrators that needs no statement of its own.
const ADMIN_READ: &str = "/health/circuit-breakers";
const HITS: &str = "session_cache_lookups_total{outcome=\"hit\"}";
const MISSES: &str = "session_cache_lookups_total{outcome=\"miss\"}";

#[actix_web::test]
async fn thousand_cached_reads_by_token_cost_no_statement_on_two_processes() {
    let one = Server::start().await;
    let two = Server::on(&one.database_url, &[]).await;
    two.ready().await;
    let admin = one.admin().await;
    one.domains(&admin).await;
    one.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let list = "/api/v1/metrics?limit=20";
    one.settled().await;
    two.settled().await;
    for server in [&one, &two] {
        server.get(METRIC, &admin).await.expect(200);
        server.get(list, &admin).await.expect(200);
    }
    sql(&one.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = (one.reading(HITS).await, two.reading(HITS).await);
    let asked = statements(&one.database_url).await;
    for _ in 0..250 {
        for server in [&one, &two] {
            server.get(METRIC, &admin).await.expect(200);
            server.get(list, &admin).await.expect(200);
        }
    }
    assert_eq!(statements(&one.database_url).await, asked);
    let after = (one.reading(HITS).await, two.reading(HITS).await);
    assert_eq!((after.0 - before.0, after.1 - before.1), (500.0, 500.0));
}

/// How often sessions and metrics were read until now. The background reads no more than epochs,
/// each second, and figures for Prometheus.
async fn statements(url: &str) -> Vec<Vec<String>> {
    let calls = "SELECT query, calls FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND (query LIKE '%\"family_id\"%' OR query LIKE '%\"metrics\".\"name\"%') \
                 ORDER BY query";
    sql(url, calls).await
}

/// By hand, with the triggers of the database, while the service caches the session.
#[actix_web::test]
async fn session_that_is_ended_by_hand_is_refused_after_one_event() {
    let server = Server::start().await;
    let (admin, url) = (server.admin().await, server.database_url.clone());
    let mut announced = Listener::start(&url, "mdl_authority").await;
    for (number, ending) in [
        "UPDATE sessions SET revoked_at = now() WHERE user_id = $user",
        "UPDATE sessions SET expires_at = created_at + interval '1 ms' WHERE user_id = $user",
        "UPDATE sessions SET rotated_at = now(), successor_id = gen_random_uuid() \
         WHERE user_id = $user",
        "UPDATE sessions SET family_id = gen_random_uuid() WHERE user_id = $user",
        "DELETE FROM sessions WHERE user_id = $user",
        "UPDATE users SET status = 'suspended' WHERE user_id = $user",
        "UPDATE users SET password_hash = password_hash || 'x' WHERE user_id = $user; \
         DELETE FROM sessions WHERE user_id = $user",
        "DELETE FROM users WHERE user_id = $user",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("eva{number}");
        let (id, eva) = server.user(&admin, &name, "editor").await;
        server.login(&name, PASSWORD).await.expect(200);
        server.key(&eva, &["metrics:read"]).await;
        server.get(READ, &eva).await.expect(200);
        announced.count().await;
        sql(&url, &ending.replace("$user", &format!("'{id}'"))).await;
        assert_eq!(announced.count().await, 1, "{ending}");
        refused_soon(&server, &eva, ending).await;
    }
    let (_, eva) = server.user(&admin, "last", "editor").await;
    server.get(READ, &eva).await.expect(200);
    sql(&url, "TRUNCATE sessions").await;
    refused_soon(&server, &eva, "TRUNCATE").await;
}

/// Notifications arrive within milliseconds; if one is lost, the epoch is polled each second.
async fn refused_soon(server: &Server, token: &str, ending: &str) {
    for _ in 0..500 {
        if server.get(READ, token).await.status == 401 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still accepted: {ending}");
}

/// What does not end a session costs no event: each would be a write of the counter's row.
#[actix_web::test]
async fn refresh_and_log_in_send_no_event() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "editor").await;
    let mut announced = Listener::start(&server.database_url, "mdl_authority").await;
    let mut tokens = server.login("eva", PASSWORD).await.expect(200);
    for _ in 0..3 {
        let body = json!({"refresh_token": crate::support::refresh_token(&tokens)});
        tokens = server.post("/api/auth/refresh", "", &body).await.expect(200);
    }
    server.get(READ, &token(&tokens)).await.expect(200);
    sql(&server.database_url, "UPDATE sessions SET expires_at = expires_at + interval '1 day'")
        .await;
    assert_eq!(announced.count().await, 0);
}

#[actix_web::test]
async fn changed_role_counts_from_the_answer_on() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, eva) = server.user(&admin, "eva", "admin").await;
    let user = format!("/api/auth/users/{id}");
    for round in 0..20 {
        server.get(ADMIN_READ, &eva).await.expect(200);
        server.put(&user, &admin, &json!({"role": "editor"})).await.expect(200);
        assert_eq!(server.get(ADMIN_READ, &eva).await.status, 403, "round {round}");
        server.put(&user, &admin, &json!({"role": "admin"})).await.expect(200);
        assert_eq!(server.get(ADMIN_READ, &eva).await.status, 200, "round {round}");
    }
}

/// Makes each lookup of a session wait after its read while a test holds the advisory lock 7. The
/// snapshot of a statement is older than its wait. Without the triggers only the process itself can
/// invalidate.
const HOLD: &str = "
    DROP TRIGGER sessions_authority_ended ON sessions;
    DROP TRIGGER users_authority_changed ON users;
    ALTER TABLE sessions RENAME TO sessions_held;
    CREATE FUNCTION held(family uuid) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        IF current_query() LIKE 'SELECT%\"users\".\"username\"%\"sessions\"%\"family_id\"%' THEN
            PERFORM pg_advisory_lock_shared(7);
            PERFORM pg_advisory_unlock_shared(7);
        END IF;
        RETURN family;
    END $$;
    CREATE VIEW sessions AS SELECT session_id, held(family_id) AS family_id, user_id, token_hash,
        created_at, expires_at, rotated_at, successor_id, revoked_at, family_started_at, address,
        user_agent FROM sessions_held;
    GRANT SELECT, UPDATE, DELETE ON sessions TO PUBLIC";

#[actix_web::test]
async fn session_suspended_during_its_lookup_is_refused() {
    let server = Server::start().await;
    let (admin, url) = (server.admin().await, server.database_url.clone());
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    let user = format!("/api/auth/users/{id}");
    server.settled().await;
    // Cached, so that the administrator needs no lookup.
    server.get(READ, &admin).await.expect(200);
    sql(&url, HOLD).await;
    let holder = database::connect(&url).await;
    for round in 0..50 {
        holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let (request, suspension) = (server.get(READ, &eva), async {
            database::until_locked(&url, 1, "SELECT%family_id%").await;
            server.put(&user, &admin, &json!({"status": "suspended"})).await.expect(200);
            // The suspension is answered: from here on the session is refused.
            holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
        });
        let (request, ()) = join(request, suspension).await;
        assert_eq!(request.status, 401, "round {round}");
        assert_eq!(server.get(READ, &eva).await.status, 401, "round {round}");
        // Valid again for the next round, which no route would do.
        sql(&url, "UPDATE users SET status = 'active'; UPDATE sessions_held SET revoked_at = NULL")
            .await;
    }
}

/// The commit is visible in the database before this process reads its confirmation.
#[actix_web::test]
async fn session_is_verified_while_its_user_is_being_changed() {
    let server = Server::start().await;
    let (admin, url) = (server.admin().await, server.database_url.clone());
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    server.settled().await;
    let hold = "CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$ \
                BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$; \
                CREATE CONSTRAINT TRIGGER users_held AFTER UPDATE ON users \
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit()";
    sql(&url, hold).await;
    let holder = database::connect(&url).await;
    holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
    server.get(READ, &eva).await.expect(200);
    let (path, body) = (format!("/api/auth/users/{id}"), json!({"status": "suspended"}));
    let change = server.put(&path, &admin, &body);
    let reads = async {
        database::until_locked(&url, 1, "COMMIT%").await;
        let before = (server.reading(HITS).await, server.reading(MISSES).await);
        for _ in 0..3 {
            server.get(READ, &eva).await.expect(200);
        }
        let after = (server.reading(HITS).await, server.reading(MISSES).await);
        assert_eq!((after.0 - before.0, after.1 - before.1), (0.0, 3.0));
        holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    };
    let (changed, ()) = join(change, reads).await;
    changed.expect(200);
    server.get(READ, &eva).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn hits_are_verified_once_after_a_new_incarnation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.settled().await;
    server.get(ADMIN_READ, &admin).await.expect(200);
    let counted = async |misses: f64, hits: f64| {
        let before = (server.reading(MISSES).await, server.reading(HITS).await);
        for _ in 0..3 {
            server.get(ADMIN_READ, &admin).await.expect(200);
        }
        let after = (server.reading(MISSES).await, server.reading(HITS).await);
        assert_eq!((after.0 - before.0, after.1 - before.1), (misses, hits));
    };
    counted(0.0, 3.0).await;
    server.state().accounts.keys.start_incarnation().await;
    counted(1.0, 2.0).await;
    server.state().accounts.invalidate(InvalidationScope::All).await;
    counted(1.0, 2.0).await;
}
