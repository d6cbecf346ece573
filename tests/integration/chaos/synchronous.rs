//! A commit that waits for a synchronous standby. The server reports it as successful, with a
//! warning, when the wait is cancelled; a failover to the standby would undo it.

use reqwest::Method;
use serde_json::json;

use super::failover::start;
use super::replica_pair::{DATABASE, ReplicaPair};
use crate::support::{database, json_body};

#[actix_web::test]
#[ignore = "scripts/test runs it with the other faults"]
async fn commit_that_no_standby_confirms_has_an_unknown_outcome() {
    let pair = ReplicaPair::start().await;
    let server = start(&pair.url()).await;
    let admin = server.admin().await;
    pair.make_synchronous().await;
    let create = async |id: &str| {
        let (headers, body) = ([("idempotency-key", id)], json!({"domain_id": id, "name": id}));
        let path = "/api/v1/domains";
        server.send(Method::POST, path, &admin, &headers, Some(json_body(&body))).await
    };
    create("replicated").await.expect(201);

    let connection = pair.cut().await;
    // As an administrator does who sees it hang. The server answers with success, and a warning.
    let primary = pair.primary.url(DATABASE);
    let cancel = "SELECT count(*) FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity \
                  WHERE wait_event = 'SyncRep') AS cancelled";
    let cancel = format!("SELECT ({cancel}) > 0");
    let cancelled = database::until(&primary, &cancel);
    let (answer, ()) = futures_util::future::join(create("waiting"), cancelled).await;
    let answer = answer.expect_error(504, "OUTCOME_UNKNOWN");
    assert_eq!(answer.header("retry-after"), "");
    assert!(server.logs.text().contains("no synchronous standby confirmed the commit"));
    // It was committed on the primary.
    let stored = "SELECT count(*) FROM business_domains WHERE domain_id = 'waiting'";
    database::until(&primary, &format!("SELECT ({stored}) = 1")).await;

    pair.reconnect(&connection).await;
    let answer = loop {
        let answer = create("waiting").await;
        if answer.status != 503 {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    answer.expect(201);
    assert_eq!(database::sql(&primary, stored).await, [["1"]]);
}
