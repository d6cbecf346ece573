//! Revocation is delivered whatever the client does: connections are reset (RST, which makes
//! actix-web drop the handler's future) at the worst moment and at random ones, and no key is
//! accepted after its row says that it is revoked.

use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel_async::RunQueryDsl;
use mdl::actors::db_breaker::{Circuit, DbError};
use mdl::model::authority::Concern;
use rand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::Server;
use crate::support::database::{self, sql};

const METRICS: &str = "/api/v1/metrics";
const ROUNDS: usize = 500;
/// Those of them in which the COMMIT itself is held open.
const HELD: usize = 100;

/// Makes the COMMIT of a revocation wait while another session holds the advisory lock 7.
const HOLD_COMMIT: &str = "
    CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(7);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE ON api_keys DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION hold_commit()";

/// Sends a revocation on a connection of its own, without waiting for the answer.
async fn send_revocation(server: &Server, admin: &str, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "DELETE /api/auth/api-keys/{id} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {admin}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Closes it with RST instead of FIN.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    revoked: bool,
}

/// What the row says, asked through the service's own pool: the embedded database has one
/// connection.
async fn is_revoked(server: &Server, id: &str) -> bool {
    let query =
        format!("SELECT revoked_at IS NOT NULL AS revoked FROM api_keys WHERE key_id = '{id}'");
    let asked = server.state().db.clone();
    let row = asked.run(Circuit::Domains, "is_revoked", async |conn| {
        Ok(diesel::sql_query(&query).get_result::<Row>(conn).await?)
    });
    row.await.unwrap().revoked
}

/// Resets connections at random moments. Returns how many revocations were made, and how many keys
/// were accepted after their row said that they are revoked.
async fn at_random_moments(server: &Server, admin: &str, rounds: usize) -> (usize, usize) {
    let (mut revoked, mut late) = (0, 0);
    let mut usual = Duration::ZERO;
    for _ in 0..10 {
        let (id, _) = server.key(admin, &["metrics:read"]).await;
        let began = Instant::now();
        server.delete(&format!("/api/auth/api-keys/{id}"), admin).await.expect(200);
        usual = usual.max(began.elapsed());
    }
    for _ in 0..rounds {
        let (id, key) = server.key(admin, &["metrics:read"]).await;
        server.get_with(METRICS, &key).await.expect(200);
        let delay = usual.mul_f64(rand::rng().random::<f64>());
        let stream = send_revocation(server, admin, &id).await;
        tokio::time::sleep(delay).await;
        reset(stream);
        // The reset may have come before the request was read: then there is nothing to wait for.
        let until = Instant::now() + usual * 3;
        while Instant::now() < until {
            if is_revoked(server, &id).await {
                revoked += 1;
                late += usize::from(server.get_with(METRICS, &key).await.status != 401);
                break;
            }
        }
        // At most 100 keys may live: one whose revocation was never read is revoked now.
        server.delete(&format!("/api/auth/api-keys/{id}"), admin).await;
    }
    (revoked, late)
}

#[actix_web::test]
async fn key_is_refused_after_its_revocation_although_the_client_reset_the_connection() {
    let server = Server::start().await;
    let admin = server.admin().await;
    sql(&server.database_url, HOLD_COMMIT).await;
    let (holder, connection) =
        tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let says = "SELECT revoked_at IS NOT NULL FROM api_keys WHERE key_id = $1::text::uuid";
    let (mut late, patience) = (0, Duration::from_secs(20));
    for round in 0..HELD {
        let (id, key) = server.key(&admin, &["metrics:read"]).await;
        server.get_with(METRICS, &key).await.expect(200);
        holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let stream = send_revocation(&server, &admin, &id).await;
        let until = Instant::now() + patience;
        while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < until, "round {round}: the COMMIT does not come");
        }
        reset(stream);
        // Until the service has noticed.
        while server.state().detached.count() == 0 {
            assert!(Instant::now() < until, "round {round}: the request does not run on");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
        while !holder.query_one(says, &[&id]).await.unwrap().get::<_, bool>(0) {
            assert!(Instant::now() < until, "round {round}: it is never revoked");
        }
        late += usize::from(server.get_with(METRICS, &key).await.status != 401);
    }
    let (revoked, late_at_random) = at_random_moments(&server, &admin, ROUNDS - HELD).await;
    println!(
        "{HELD} held in COMMIT, {revoked} of {} others revoked; late: {late}, {late_at_random}",
        ROUNDS - HELD
    );
    assert!(revoked > (ROUNDS - HELD) / 10, "too few were revoked to say anything: {revoked}");
    assert_eq!((late, late_at_random), (0, 0));
}

#[actix_web::test]
async fn key_is_refused_after_its_revocation_although_the_client_reset_the_connection_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    let admin = server.admin().await;
    let (revoked, late) = at_random_moments(&server, &admin, ROUNDS).await;
    println!("{revoked} of {ROUNDS} revoked, {late} late");
    server.stop().await;
    assert!(revoked > ROUNDS / 10, "too few were revoked to say anything: {revoked}");
    assert_eq!(late, 0);
}

#[actix_web::test]
async fn shutdown_waits_for_a_write_whose_client_has_gone() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let url = server.database_url.clone();
    sql(&url, HOLD_COMMIT).await;
    let (holder, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let (id, _) = server.key(&admin, &["metrics:read"]).await;
    holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
    let stream = send_revocation(&server, &admin, &id).await;
    database::until_locked(&url, 1, "COMMIT").await;
    reset(stream);
    let state = server.state();
    let until = Instant::now() + Duration::from_secs(5);
    while state.detached.count() == 0 {
        assert!(Instant::now() < until, "the request does not run on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let release = async {
        // Longer than this client keeps idle connections (2 s) and a worker takes to see that it
        // has none left (1 s).
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
    assert_eq!(state.detached.count(), 0);
}

/// The row changes unannounced, as by a commit of which this process never heard.
async fn revoke_unannounced(server: &Server, id: &str) {
    let statements = format!(
        "ALTER TABLE api_keys DISABLE TRIGGER USER; \
         UPDATE api_keys SET revoked_at = now() WHERE key_id = '{id}'; ALTER TABLE api_keys ENABLE TRIGGER USER"
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
        (Concern::Key(id.parse().unwrap()), key)
    };

    let (concern, key) = known_and_revoked().await;
    let invalidation = state.invalidation(concern);
    // From the transaction's begin on, the database is asked.
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    drop(invalidation);
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    let (concern, key) = known_and_revoked().await;
    drop(state.invalidation(concern));
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    let (concern, key) = known_and_revoked().await;
    let unknown = async { Err::<(), _>(DbError::UnknownOutcome { cause: "a test".into() }) };
    assert!(state.invalidation(concern).deliver_after(unknown).await.is_err());
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");

    // The test would notice: what certainly changed nothing costs nobody its place in the cache.
    let (concern, key) = known_and_revoked().await;
    let failed = async { Err::<(), _>(DbError::Failed { cause: "a test".into() }) };
    assert!(state.invalidation(concern).deliver_after(failed).await.is_err());
    server.get_with(METRICS, &key).await.expect(200);
}

/// Waits for a poll to find what was not announced.
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
    let late = db.run(Circuit::Domains, "late", async |conn| {
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
    // As after a failover to a replica that lagged behind.
    sql(&server.database_url, "UPDATE authority_epochs SET epoch = epoch - 1").await;
    until_refused(&server, &key).await;
}
