//! A look-up that read a key before it ended must not put it back afterwards, nor let in the
//! request that made it.

use std::time::{Duration, Instant};

use crate::support::Server;
use crate::support::database::sql;

const METRICS: &str = "/api/v1/metrics";
const ROUNDS: usize = 1_000;

/// Makes every look-up wait, after it has read, for as long as somebody holds the advisory lock 7.
/// A statement sees what was there when it began: so it brings home what was read before it waited.
/// Without the trigger nothing helps from outside: what is tested is what this process does by
/// itself.
const HOLD: &str = "
    DROP TRIGGER api_keys_authority_changed ON api_keys;
    ALTER TABLE api_keys RENAME TO api_keys_held;
    CREATE FUNCTION held(hash text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        IF current_query() LIKE 'SELECT%key_hash%' THEN
            PERFORM pg_advisory_lock_shared(7);
            PERFORM pg_advisory_unlock_shared(7);
        END IF;
        RETURN hash;
    END $$;
    CREATE VIEW api_keys AS SELECT key_id, user_id, name, description, scopes, held(key_hash) AS key_hash, prefix,
        created_at, last_used_at, expires_at, revoked_at, replaces, rate_limit FROM api_keys_held";

#[actix_web::test]
async fn revoked_while_it_is_looked_up() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // Made before the table is hidden: the view is for reading and revoking only.
    let mut keys = Vec::new();
    for _ in 0..10 {
        keys.push(server.key(&admin, &["metrics:read"]).await);
    }
    sql(&server.database_url, HOLD).await;
    let (holder, connection) =
        tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let (mut late, mut held) = (0, 0);
    for round in 0..ROUNDS {
        let (id, key) = &keys[round % keys.len()];
        holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let (request, revocation) = (server.get_with(METRICS, key), async {
            let until = Instant::now() + Duration::from_secs(5);
            while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                assert!(Instant::now() < until, "round {round}: the look-up does not come");
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            held += 1;
            server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
            // Answered. From here on nobody is let in by this key.
            holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
        });
        let (request, ()) = futures_util::future::join(request, revocation).await;
        late += usize::from(request.status == 200);
        let again = server.get_with(METRICS, key).await;
        assert_eq!((request.status, again.status), (401, 401), "round {round}");
        // Alive again, for the next round, as no route would ever make it.
        holder.execute("UPDATE api_keys_held SET revoked_at = NULL", &[]).await.unwrap();
        server.state().end(mdl::model::authority::Concern::All).await;
    }
    println!(
        "{held} look-ups held between reading and filling, {late} let in after the revocation was answered"
    );
    assert_eq!((held, late), (ROUNDS, 0));
}
