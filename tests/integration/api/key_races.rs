//! A lookup that read a key before its revocation must neither cache it nor authenticate its
//! request.

use std::time::{Duration, Instant};

use crate::support::Server;
use crate::support::database::{self, sql};

const METRICS: &str = "/api/v1/metrics";
const ROUNDS: usize = 1_000;

/// Makes each lookup wait after its read while a session holds the advisory lock 7. The snapshot of
/// a statement is older than its wait, so it returns what was read before. Without the triggers
/// there is no notification: only the process itself can invalidate.
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
    CREATE VIEW api_keys AS SELECT key_id, user_id, name, description, scopes, held(key_hash) \
    AS key_hash, prefix,
        created_at, last_used_at, last_used_ip, expires_at, revoked_at, replaces, rate_limit
        FROM api_keys_held;
    -- The service may have a role of its own.
    GRANT SELECT, UPDATE ON api_keys TO PUBLIC";

#[actix_web::test]
async fn key_revoked_during_lookup_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // Created before the table is replaced, because the view supports only reads and revocation.
    let mut keys = Vec::new();
    for _ in 0..10 {
        keys.push(server.key(&admin, &["metrics:read"]).await);
    }
    sql(&server.database_url, HOLD).await;
    let holder = database::connect(&server.database_url).await;
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
            // The revocation is answered: from here on the key is refused.
            holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
        });
        let (request, ()) = futures_util::future::join(request, revocation).await;
        late += usize::from(request.status == 200);
        let again = server.get_with(METRICS, key).await;
        assert_eq!((request.status, again.status), (401, 401), "round {round}");
        // Valid again for the next round, which no route would do.
        holder.execute("UPDATE api_keys_held SET revoked_at = NULL", &[]).await.unwrap();
        server.state().accounts.invalidate(mdl::model::authority::InvalidationScope::All).await;
    }
    println!(
        "{held} look-ups held between reading and filling, {late} let in after the revocation was \
         answered"
    );
    assert_eq!((held, late), (ROUNDS, 0));
}
