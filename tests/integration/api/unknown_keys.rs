//! Lookups of API keys that do not exist have a budget per address.

use futures_util::future::join_all;
use mdl::credentials::api_keys::ApiKey;
use reqwest::Method;

use crate::support::database::sql;
use crate::support::{Answer, Server};

const ON: [&str; 8] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-general-max",
    "100000",
    "--rate-limit-burst-per-second",
    "100000",
    "--trusted-proxies",
    "127.0.0.1/32",
];
const METRICS: &str = "/api/v1/metrics";

async fn from(server: &Server, address: &str, key: &str) -> Answer {
    server
        .send(Method::GET, METRICS, "", &[("x-api-key", key), ("x-forwarded-for", address)], None)
        .await
}

/// Counts the lookups of keys in the database.
async fn lookups(server: &Server) -> i64 {
    let counted = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE \
                   '%\"key_hash\" = %' \
                   AND query NOT LIKE '%pg_stat_statements%' \
                   AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sql(&server.database_url, counted).await[0][0].parse().unwrap()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[actix_web::test]
async fn invented_keys_cost_ten_lookups_per_minute() {
    let server = Server::with(&ON).await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    from(&server, "192.0.2.1", &key).await.expect(200);
    // A lookup that overlaps an invalidation is repeated.
    server.settled().await;
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = lookups(&server).await;
    let invented: Vec<ApiKey> = (0..200).map(|_| ApiKey::generate()).collect();
    let answers =
        join_all(invented.iter().map(|key| from(&server, "192.0.2.1", key.expose()))).await;
    assert_eq!((count(&answers, 401), count(&answers, 429)), (10, 190));
    assert_eq!(lookups(&server).await - before, 10);
    let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap();
    let refused = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"unknown_key\";q=10;w=60"));
    assert_eq!(refused.header("ratelimit-limit"), "10");
    assert!(server.reading("rate_limit_rejections_total{policy=\"unknown_key\"}").await >= 190.0);
    // Cached keys, negative entries and other addresses are not affected.
    from(&server, "192.0.2.1", &key).await.expect(200);
    from(&server, "192.0.2.2", ApiKey::generate().expose())
        .await
        .expect_error(401, "INVALID_API_KEY");
    server.advance(refused.header("retry-after").parse().unwrap());
    from(&server, "192.0.2.1", ApiKey::generate().expose())
        .await
        .expect_error(401, "INVALID_API_KEY");
}

#[actix_web::test]
async fn concurrent_valid_keys_refund_their_hit() {
    let server = Server::with(&[&ON[..], &["--rate-limit-api-key-max", "1000"]].concat()).await;
    let admin = server.admin().await;
    let mut keys = Vec::new();
    for _ in 0..60 {
        keys.push(server.key(&admin, &["metrics:read"]).await.1);
    }
    let answers = join_all(keys.iter().map(|key| from(&server, "192.0.2.1", key))).await;
    assert_eq!(count(&answers, 200), 60);
    // The whole budget was refunded.
    let invented: Vec<ApiKey> = (0..12).map(|_| ApiKey::generate()).collect();
    let answers =
        join_all(invented.iter().map(|key| from(&server, "192.0.2.1", key.expose()))).await;
    assert_eq!((count(&answers, 401), count(&answers, 429)), (10, 2));
}
