//! Two services on one database without notifications (`NOTIFY_ENABLED=false`): what one changes,
//! the other notices within the interval in which it polls, and nothing is announced.

use std::time::{Duration, Instant};

use clap::Parser;
use mdl::app::cli::Cli;
use serde_json::json;

use crate::support::database::sql;
use crate::support::notifications::Listener;
use crate::support::{Answer, Server};

const POLLED: [&str; 4] = ["--notify-enabled", "false", "--epoch-poll-interval", "500"];
/// The interval, and as long again for a busy machine.
const LIMIT: Duration = Duration::from_secs(1);
const CHANNELS: [&str; 3] = ["mdl_catalogue", "mdl_catalogue_changes", "mdl_authority"];

async fn two() -> (Server, Server) {
    let one = Server::with(&POLLED).await;
    let other = Server::on(&one.database_url, &POLLED).await;
    other.ready().await;
    (one, other)
}

/// Repeats a request until its response is as wanted, and asserts how long that took.
async fn within_the_limit(what: &str, ask: impl AsyncFn() -> Answer, wanted: fn(&Answer) -> bool) {
    let began = Instant::now();
    while !wanted(&ask().await) {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Counts statements of this database.
async fn statements(url: &str, like: &str) -> String {
    let counted = format!(
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ILIKE '{like}' \
         AND query NOT LIKE '%pg_stat_statements%' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    sql(url, &counted).await[0][0].clone()
}

#[actix_web::test]
async fn change_by_one_service_is_visible_through_the_other() {
    let (one, other) = two().await;
    let admin = one.admin().await;
    one.domains(&admin).await;
    // Cached by the other one.
    let wanted = |answer: &Answer| answer.json()["count"] == 2;
    within_the_limit("domains", async || other.get("/api/v1/domains", &admin).await, wanted).await;
    other.get("/api/v1/domains/d1", &admin).await.expect(200);
    one.put("/api/v1/domains/d1", &admin, &json!({"name": "Renamed"})).await.expect(200);
    let own = one.get("/api/v1/domains/d1", &admin).await.expect(200).json();
    assert_eq!(own["data"]["name"], "Renamed", "one reads its own writes at once");
    let wanted = |answer: &Answer| answer.json()["data"]["name"] == "Renamed";
    let ask = async || other.get("/api/v1/domains/d1", &admin).await;
    within_the_limit("renamed domain", ask, wanted).await;
}

#[actix_web::test]
async fn revocation_by_one_service_holds_in_the_other() {
    let (one, other) = two().await;
    let admin = one.admin().await;
    let (id, key) = one.key(&admin, &["metrics:read"]).await;
    let (user, session) = one.user(&admin, "alice", "viewer").await;
    // Both are cached by the other one.
    for _ in 0..3 {
        other.get_with("/api/v1/metrics", &key).await.expect(200);
        other.get("/api/v1/metrics", &session).await.expect(200);
    }
    one.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    one.get_with("/api/v1/metrics", &key).await.expect(401);
    let refused = |answer: &Answer| answer.status == 401;
    let ask = async || other.get_with("/api/v1/metrics", &key).await;
    within_the_limit("revoked key", ask, refused).await;
    let suspended = json!({"status": "suspended"});
    one.put(&format!("/api/auth/users/{user}"), &admin, &suspended).await.expect(200);
    let ask = async || other.get("/api/v1/metrics", &session).await;
    within_the_limit("session of a suspended user", ask, refused).await;
}

#[actix_web::test]
async fn nothing_is_announced_and_no_service_listens() {
    let (one, other) = two().await;
    let url = one.database_url.clone();
    sql(&url, "CREATE EXTENSION pg_stat_statements").await;
    let channels = CHANNELS.join("; LISTEN ");
    let mut listener = Listener::start(&url, &channels).await;
    // Those of this test, which shows that they are counted.
    assert_eq!(statements(&url, "LISTEN mdl_%").await, "3");
    let admin = one.admin().await;
    one.domains(&admin).await;
    let (id, _) = other.key(&admin, &["metrics:read"]).await;
    other.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    assert_eq!(listener.count().await, 0);
    assert_eq!(statements(&url, "LISTEN mdl_%").await, "3");
    // The triggers announce what sessions change that do not switch it off.
    sql(&url, "UPDATE business_domains SET color = '#123456' WHERE domain_id = 'd1'").await;
    assert_eq!(listener.count().await, 2, "the changed item, and the epoch");
}

/// During a rolling change of the setting: the one that listens polls, too.
#[actix_web::test]
async fn service_that_listens_notices_changes_of_one_that_does_not_announce() {
    let silent = Server::with(&POLLED).await;
    let options = ["--epoch-poll-interval", "500"];
    let listening = Server::on(&silent.database_url, &options).await;
    listening.ready().await;
    let admin = silent.admin().await;
    let (id, key) = silent.key(&admin, &["metrics:read"]).await;
    listening.get_with("/api/v1/metrics", &key).await.expect(200);
    silent.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    let ask = async || listening.get_with("/api/v1/metrics", &key).await;
    within_the_limit("revoked key", ask, |answer| answer.status == 401).await;
}

#[test]
fn interval_is_bounded() {
    let parsed = |interval: &str| Cli::try_parse_from(["mdl", "--epoch-poll-interval", interval]);
    assert!(parsed("100").is_ok() && parsed("2000").is_ok());
    assert!(parsed("99").is_err() && parsed("2001").is_err());
}
