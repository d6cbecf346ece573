//! Revocation is delivered whatever the client does. Connections are reset (RST, which makes
//! actix-web drop the future of the handler) during COMMIT and at random moments; no key is
//! accepted after its row is revoked.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use mdl::actors::db_breaker::{Circuit, DbError, QueryError};
use mdl::model::authority::InvalidationScope;
use rand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::Server;
use crate::support::database::{self, sql};

const METRICS: &str = "/api/v1/metrics";
/// Revocations per mode whose client resets its connection; only those that were committed count.
const ROUNDS: usize = 500;
/// Those of them that are held in COMMIT by an advisory lock.
const HELD: usize = 400;
/// Rounds under way at the same time; fewer than the pool has connections.
const AT_ONCE: usize = 4;
/// Bounds the run time of each mode.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long COMMIT takes on the embedded database, which has no second connection for a lock.
const SLOW_COMMIT: Duration = Duration::from_millis(60);

/// Makes the COMMIT of a revocation wait while the test holds the advisory lock 7.
const HOLD_COMMIT: &str = "
    CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(7);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE ON api_keys DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION \
        hold_commit()";

/// Makes the COMMIT of a revocation last for [`SLOW_COMMIT`].
const DELAY_COMMIT: &str = "
    CREATE FUNCTION delay_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.06);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER delay_commit AFTER UPDATE ON api_keys DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION \
        delay_commit()";

/// Sends a revocation on a connection of its own, without waiting for the answer.
async fn send_revocation(server: &Server, admin: &str, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "DELETE /api/auth/api-keys/{id} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \
         {admin}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Closes a connection with RST instead of FIN.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    revoked: bool,
}

/// Reads the row through the service's own pool, because the embedded database has one connection.
async fn is_revoked(server: &Server, id: &str) -> bool {
    let query =
        format!("SELECT revoked_at IS NOT NULL AS revoked FROM api_keys WHERE key_id = '{id}'");
    let asked = server.state().db.clone();
    let row = asked.run(Circuit::Domains, "api_keys.is_revoked", async |conn| {
        Ok(diesel::sql_query(&query).get_result::<Row>(conn).await?)
    });
    row.await.unwrap().revoked
}

/// Revocations whose client reset its connection.
#[derive(Clone, Copy, Debug, Default)]
struct Rounds {
    /// Sent; the reset of some was faster than the service, so that it never read them.
    sent: usize,
    /// Committed.
    revoked: usize,
    /// Committed, and the key was accepted afterwards.
    late: usize,
}

/// Resets one connection so long after its key's revocation was sent, and looks for the revocation
/// for at most `wait`.
async fn reset_after(
    server: &Server,
    admin: &str,
    delay: Duration,
    wait: Duration,
    rounds: &Cell<Rounds>,
) {
    let (id, key) = server.key(admin, &["metrics:read"]).await;
    server.get_with(METRICS, &key).await.expect(200);
    let stream = send_revocation(server, admin, &id).await;
    tokio::time::sleep(delay).await;
    reset(stream);
    let (mut revoked, mut late) = (0, 0);
    // If the reset came before the request was read, there is nothing to wait for.
    let until = Instant::now() + wait;
    while revoked == 0 && Instant::now() < until {
        if is_revoked(server, &id).await {
            revoked = 1;
            late = usize::from(server.get_with(METRICS, &key).await.status != 401);
        }
    }
    if revoked == 0 {
        // A user has at most 100 live keys, so those whose revocation was never read are revoked
        // now.
        server.delete(&format!("/api/auth/api-keys/{id}"), admin).await;
    }
    let sum = rounds.get();
    rounds.set(Rounds {
        sent: sum.sent + 1,
        revoked: sum.revoked + revoked,
        late: sum.late + late,
    });
}

/// Repeats until so many revocations were committed.
async fn reset_at_random_moments(server: &Server, admin: &str, revocations: usize) -> Rounds {
    let began = Instant::now();
    let mut usual = Vec::new();
    for _ in 0..11 {
        let (id, _) = server.key(admin, &["metrics:read"]).await;
        let began = Instant::now();
        server.delete(&format!("/api/auth/api-keys/{id}"), admin).await.expect(200);
        usual.push(began.elapsed());
    }
    usual.sort_unstable();
    // Several at once take longer than one alone.
    let usual = usual[usual.len() / 2] * 2;
    let rounds = Cell::new(Rounds::default());
    let worker = async || {
        while rounds.get().revoked < revocations {
            assert!(began.elapsed() < PATIENCE, "{:?} in {PATIENCE:?}", rounds.get());
            let delay = usual.mul_f64(rand::rng().random::<f64>());
            reset_after(server, admin, delay, usual * 3, &rounds).await;
        }
    };
    join_all((0..AT_ONCE).map(|_| worker())).await;
    println!("{:?} at random moments in {:?}", rounds.get(), began.elapsed());
    rounds.get()
}

/// Resets connections, one at a time, half-way through a COMMIT that takes [`SLOW_COMMIT`].
async fn reset_during_slow_commit(server: &Server, admin: &str, revocations: usize) -> Rounds {
    let began = Instant::now();
    let db = server.state().db.clone();
    let delayed = db.run(Circuit::Domains, "business_domains.delay_commit", async |conn| {
        Ok(conn.batch_execute(DELAY_COMMIT).await?)
    });
    delayed.await.unwrap();
    let rounds = Cell::new(Rounds::default());
    while rounds.get().revoked < revocations {
        assert!(began.elapsed() < PATIENCE, "{:?} in {PATIENCE:?}", rounds.get());
        reset_after(server, admin, SLOW_COMMIT / 2, SLOW_COMMIT * 5, &rounds).await;
    }
    println!("{:?} during a slow COMMIT in {:?}", rounds.get(), began.elapsed());
    rounds.get()
}

/// Resets connections while their revocations are held in COMMIT: every round counts.
async fn reset_during_commit(server: &Server, admin: &str, revocations: usize) -> Rounds {
    let began = Instant::now();
    let mut users = Vec::new();
    for number in 0..AT_ONCE {
        // One user each, because transactions of one user would wait for each other before COMMIT.
        users.push(server.user(admin, &format!("editor{number}"), "editor").await.1);
    }
    sql(&server.database_url, HOLD_COMMIT).await;
    let holder = database::connect(&server.database_url).await;
    // One of them may wait for the flush of last uses, which waits for the COMMIT of another.
    let committing = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'mdl/%' \
                      AND datname = current_database() AND wait_event_type = 'Lock' \
                      AND (query = 'COMMIT' OR query LIKE '%revoked_at%')";
    let is_revoked = "SELECT revoked_at IS NOT NULL FROM api_keys WHERE key_id = $1::text::uuid";
    let mut rounds = Rounds::default();
    while rounds.revoked < revocations {
        assert!(began.elapsed() < PATIENCE, "{rounds:?} in {PATIENCE:?}");
        let until = Instant::now() + Duration::from_secs(20);
        let mut keys = Vec::new();
        for user in &users {
            let (id, key) = server.key(user, &["metrics:read"]).await;
            server.get_with(METRICS, &key).await.expect(200);
            keys.push((id, key));
        }
        holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let mut streams = Vec::new();
        for (user, (id, _)) in users.iter().zip(&keys) {
            streams.push(send_revocation(server, user, id).await);
        }
        let all = i64::try_from(AT_ONCE).unwrap();
        while holder.query_one(committing, &[]).await.unwrap().get::<_, i64>(0) < all {
            assert!(Instant::now() < until, "{rounds:?}: the COMMIT does not come");
        }
        streams.into_iter().for_each(reset);
        while server.state().middleware.detached.count() < AT_ONCE {
            assert!(Instant::now() < until, "{rounds:?}: the requests do not run on");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
        for (id, key) in &keys {
            while !holder.query_one(is_revoked, &[id]).await.unwrap().get::<_, bool>(0) {
                assert!(Instant::now() < until, "{rounds:?}: a key is never revoked");
            }
            rounds.late += usize::from(server.get_with(METRICS, key).await.status != 401);
        }
        rounds.sent += AT_ONCE;
        rounds.revoked += AT_ONCE;
    }
    println!("{rounds:?} held in COMMIT in {:?}", began.elapsed());
    rounds
}

#[actix_web::test]
async fn revoked_key_is_refused_although_the_client_reset_the_connection() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let random = reset_at_random_moments(&server, &admin, ROUNDS - HELD).await;
    let held = reset_during_commit(&server, &admin, HELD).await;
    assert!(random.revoked + held.revoked >= ROUNDS, "{random:?}, {held:?}");
    assert_eq!((random.late, held.late), (0, 0));
}

#[actix_web::test]
async fn revoked_key_is_refused_although_the_client_reset_the_connection_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    let admin = server.admin().await;
    let random = reset_at_random_moments(&server, &admin, 50).await;
    let slow = reset_during_slow_commit(&server, &admin, ROUNDS - 50).await;
    server.stop().await;
    assert!(random.revoked + slow.revoked >= ROUNDS, "{random:?}, {slow:?}");
    assert_eq!((random.late, slow.late), (0, 0));
}

#[actix_web::test]
async fn shutdown_waits_for_a_write_whose_client_has_gone() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let url = server.database_url.clone();
    sql(&url, HOLD_COMMIT).await;
    let holder = database::connect(&url).await;
    let (id, _) = server.key(&admin, &["metrics:read"]).await;
    holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
    let stream = send_revocation(&server, &admin, &id).await;
    database::until_locked(&url, 1, "COMMIT").await;
    reset(stream);
    let state = server.state();
    let until = Instant::now() + Duration::from_secs(5);
    while state.middleware.detached.count() == 0 {
        assert!(Instant::now() < until, "the request does not run on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let release = async {
        // Longer than the test's HTTP client keeps idle connections (2 s) plus the time in which a
        // worker notices that it has none left (1 s).
        tokio::time::sleep(Duration::from_secs(4)).await;
        holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    };
    let logs = server.logs.clone();
    futures_util::future::join(server.stop(), release).await;
    assert!(
        logs.text().contains("request completed without its client"),
        "its task was dropped with its worker"
    );
    let row =
        sql(&url, &format!("SELECT revoked_at IS NOT NULL FROM api_keys WHERE key_id = '{id}'"))
            .await;
    assert_eq!(row[0][0], "t");
    assert_eq!(state.middleware.detached.count(), 0);
}

/// Revokes a key without a notification, like a commit that this process did not see.
async fn revoke_unannounced(server: &Server, id: &str) {
    let statements = format!(
        "ALTER TABLE api_keys DISABLE TRIGGER USER; \
         UPDATE api_keys SET revoked_at = now() WHERE key_id = '{id}'; ALTER TABLE api_keys \
         ENABLE TRIGGER USER"
    );
    sql(&server.database_url, &statements).await;
}

#[actix_web::test]
async fn invalidation_acts_when_it_is_dropped_and_when_the_outcome_is_unknown() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let state = server.state();
    let known_and_revoked = async || {
        let (id, key) = server.key(&admin, &["metrics:read"]).await;
        server.settled().await;
        server.get_with(METRICS, &key).await.expect(200);
        revoke_unannounced(&server, &id).await;
        server.get_with(METRICS, &key).await.expect(200);
        (InvalidationScope::Key(id.parse().unwrap()), key)
    };

    let (scope, key) = known_and_revoked().await;
    let invalidation = state.accounts.invalidation(scope);
    // From the begin of the transaction on, the database is read.
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    drop(invalidation);
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    let (scope, key) = known_and_revoked().await;
    drop(state.accounts.invalidation(scope));
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    let (scope, key) = known_and_revoked().await;
    let unknown = async {
        Err::<(), _>(DbError::UnknownOutcome { operation: "test", source: QueryError::TimedOut })
    };
    assert!(state.accounts.invalidation(scope).apply_after(unknown).await.is_err());
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    // A failure that certainly changed nothing invalidates nothing, so the test can fail.
    let (scope, key) = known_and_revoked().await;
    let failed =
        async { Err::<(), _>(DbError::Failed { operation: "test", source: QueryError::TimedOut }) };
    assert!(state.accounts.invalidation(scope).apply_after(failed).await.is_err());
    server.get_with(METRICS, &key).await.expect(200);
}

/// Waits until a poll finds a change that was not announced.
async fn until_refused(server: &Server, key: &str) {
    let began = Instant::now();
    while server.get_with(METRICS, key).await.status != 401 {
        assert!(began.elapsed() < Duration::from_secs(5), "it is never noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("noticed after {:?}", began.elapsed());
}

#[actix_web::test]
async fn late_commit_is_noticed_by_poll_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    let admin = server.admin().await;
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    server.get_with(METRICS, &key).await.expect(200);
    let query = format!("UPDATE api_keys SET revoked_at = now() WHERE key_id = '{id}'");
    let db = server.state().db.clone();
    let late = db.run(Circuit::Domains, "business_domains.late", async |conn| {
        Ok(diesel::sql_query(&query).execute(conn).await?)
    });
    assert_eq!(late.await.unwrap(), 1);
    until_refused(&server, &key).await;
    server.stop().await;
}

#[actix_web::test]
async fn epoch_that_goes_back_invalidates_everything() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    sql(&server.database_url, "UPDATE authority_epochs SET epoch = epoch + 5").await;
    server.settled().await;
    server.get_with(METRICS, &key).await.expect(200);
    revoke_unannounced(&server, &id).await;
    server.get_with(METRICS, &key).await.expect(200);
    // Like a failover to a replica that lagged behind.
    sql(&server.database_url, "UPDATE authority_epochs SET epoch = epoch - 1").await;
    until_refused(&server, &key).await;
}
