//! Ended sessions, API keys, password resets and stored responses are deleted after their
//! retention, and nothing else.

use crate::support::database::{self, sql};
use crate::support::{ADMIN_PASSWORD, Server};

/// Rows of each table that ended 31 days ago, that ended 29 days ago, and that have not ended.
async fn insert_rows(url: &str) {
    let statements = "
        INSERT INTO users (user_id, username, email, full_name, password_hash, role, status,
                           created_at, updated_at)
        VALUES ('00000000-0000-4000-8000-000000000001', 'ended', 'u@example.com', 'U', 'x',
                'viewer', 'active', now(), now());
        INSERT INTO sessions (session_id, family_id, user_id, token_hash, created_at, expires_at,
                              rotated_at, successor_id, revoked_at)
        SELECT gen_random_uuid(), family, '00000000-0000-4000-8000-000000000001',
               encode(sha256(random()::text::bytea), 'hex'), now() - interval '60 days',
               expires_at, rotated_at, successor_id, revoked_at
        FROM (VALUES
            -- Revoked: head and parent.
            ('00000000-0000-4000-8000-00000000000a'::uuid, now() + interval '1 day',
             NULL::timestamptz, NULL::uuid, now() - interval '31 days'),
            ('00000000-0000-4000-8000-00000000000a', now() + interval '1 day',
             now() - interval '32 days', gen_random_uuid(), NULL),
            -- Expired.
            ('00000000-0000-4000-8000-00000000000b', now() - interval '31 days', NULL, NULL, NULL),
            -- Kept: ended later, or alive with an old parent.
            ('00000000-0000-4000-8000-00000000000c', now() - interval '29 days', NULL, NULL, NULL),
            ('00000000-0000-4000-8000-00000000000d', now() + interval '1 day', NULL, NULL, NULL),
            ('00000000-0000-4000-8000-00000000000d', now() - interval '40 days',
             now() - interval '41 days', gen_random_uuid(), NULL)
        ) AS made (family, expires_at, rotated_at, successor_id, revoked_at);
        INSERT INTO api_keys (key_id, user_id, name, scopes, key_hash, prefix, created_at,
                              expires_at, revoked_at)
        SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000001', name,
               '[\"metrics:read\"]',
               encode(sha256(name::bytea), 'hex'), 'mdl_1234', now() - interval '60 days',
               expires_at, revoked_at
        FROM (VALUES
            ('expired', now() - interval '31 days', NULL::timestamptz),
            ('revoked', NULL, now() - interval '31 days'),
            ('lately', now() - interval '29 days', NULL),
            ('live', NULL, NULL)
        ) AS made (name, expires_at, revoked_at);
        INSERT INTO password_resets (token_hash, user_id, created_at, expires_at)
        SELECT encode(sha256(name::bytea), 'hex'), '00000000-0000-4000-8000-000000000001',
               expires_at - interval '30 minutes', expires_at
        FROM (VALUES ('old', now() - interval '25 hours'), ('new', now() - interval '23 hours'))
             AS made (name, expires_at);
        INSERT INTO idempotency_keys (user_id, key, request_hash, etag, body, expires_at)
        SELECT '00000000-0000-4000-8000-000000000001', name, encode(sha256('x'), 'hex'), '\"1\"',
               '{}', expires_at
        FROM (VALUES ('old', now() - interval '25 hours'), ('new', now() + interval '1 hour'))
             AS made (name, expires_at);";
    sql(url, statements).await;
}

/// Counts the rows of the user that `insert_rows` made.
async fn counts(url: &str) -> Vec<String> {
    let of = |table: &str| {
        format!(
            "(SELECT count(*) FROM {table} WHERE user_id = '00000000-0000-4000-8000-000000000001')"
        )
    };
    let tables = ["sessions", "api_keys", "password_resets", "idempotency_keys"].map(of);
    sql(url, &format!("SELECT {}", tables.join(", "))).await.remove(0)
}

#[actix_web::test]
async fn ended_rows_are_deleted_after_their_retention() {
    let url = database::fresh().await;
    insert_rows(&url).await;
    assert_eq!(counts(&url).await, ["6", "4", "2", "2"]);
    let options = ["--api-key-retention-days=30", "--session-retention-days=30"];
    let server = Server::on(&url, &options).await;
    let deleted = "SELECT (SELECT count(*) FROM idempotency_keys) = 1 AND (SELECT count(*) \
        FROM sessions WHERE user_id = '00000000-0000-4000-8000-000000000001') = 3";
    database::until(&url, deleted).await;
    assert_eq!(counts(&url).await, ["3", "2", "1", "1"]);
    // Other sessions work on.
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn api_keys_are_kept_unless_configured() {
    let url = database::fresh().await;
    insert_rows(&url).await;
    let _server = Server::on(&url, &[]).await;
    database::until(&url, "SELECT count(*) = 1 FROM idempotency_keys").await;
    assert_eq!(counts(&url).await[1], "4");
}
