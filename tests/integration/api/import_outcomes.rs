//! Imports whose response was lost, on its way to the client or from the database: the same request
//! with the same `Idempotency-Key` tells what became of them, and does what was not done.

use std::time::{Duration, Instant};

use futures_util::future::join;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::api::import_idempotency::{IMPORT, import, imports};
use crate::support::faulty_network::{Network, NetworkFault};
use crate::support::{Answer, Server, database};

fn document() -> Value {
    json!({"domains": [{"domain_id": "d1", "name": "Finance"}]})
}

/// Sends the import until the service does not refuse it for a while.
async fn repeat(server: &Server, token: &str) -> Answer {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let answer = import(server, token, "k", &document()).await;
        if ![409, 503].contains(&answer.status) {
            return answer;
        }
        assert!(Instant::now() < until, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Creates a trigger that runs this at the end of a transaction that creates a domain.
async fn at_commit(url: &str, statement: &str) {
    let function = format!(
        "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; \
         RETURN NULL; END $$"
    );
    database::sql(url, &function).await;
    let trigger = "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON business_domains \
                   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()";
    database::sql(url, trigger).await;
}

fn assert_created(answer: Answer) {
    let counts = json!({"created": 1, "updated": 0, "unchanged": 0, "errors": 0});
    assert_eq!(answer.expect(200).json()["data"]["counts"], counts);
}

#[actix_web::test]
async fn import_whose_client_disconnected_is_done_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    at_commit(&server.database_url, "PERFORM pg_sleep(0.5)").await;
    let body = document().to_string();
    let head = format!(
        "POST {IMPORT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\
         idempotency-key: k\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = server.connect().await;
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
    let committing = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'COMMIT' \
                      AND datname = current_database() AND wait_event = 'PgSleep'";
    database::until(&server.database_url, committing).await;
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    // The first response, although the domain is stored already.
    assert_created(repeat(&server, &admin).await);
    assert_eq!(imports(&server).await, "1");
}

#[actix_web::test]
async fn import_that_was_committed_with_an_unknown_outcome_is_answered_later() {
    let url = database::fresh().await;
    let port = database::cluster().rsplit_once(':').unwrap().1.parse().unwrap();
    let network = Network::start(port).await;
    let name = url.rsplit_once('/').unwrap().1;
    let through = format!("postgres://postgres@127.0.0.1:{}/{name}", network.port);
    let limits = [
        "--circuit-breaker-timeout",
        "3000",
        "--circuit-breaker-reset-timeout",
        "500",
        "--db-connection-timeout",
        "1000",
    ];
    let server = Server::on(&through, &limits).await;
    server.ready().await;
    let admin = server.admin().await;
    at_commit(&url, "PERFORM pg_sleep(1)").await;
    assert_eq!(server.get("/api/v1/domains", &admin).await.expect(200).json()["count"], 0);
    let fault = async {
        let committing = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'COMMIT' \
                          AND datname = current_database() AND wait_event = 'PgSleep'";
        database::until(&url, committing).await;
        network.set(NetworkFault::BlackHole);
    };
    let (answer, ()) = join(import(&server, &admin, "k", &document()), fault).await;
    let answer = answer.expect_error(504, "OUTCOME_UNKNOWN");
    assert_eq!(answer.header("retry-after"), "");
    let stored = "SELECT (SELECT count(*) FROM business_domains) = 1";
    database::until(&url, stored).await;
    network.set(NetworkFault::None);
    assert_created(repeat(&server, &admin).await);
    let imported = "SELECT count(*)::text FROM audit_events WHERE action = 'catalogue.imported'";
    assert_eq!(database::sql(&url, imported).await.concat(), ["1"]);
    // What was cached before is not fresh any more.
    assert_eq!(server.get("/api/v1/domains", &admin).await.expect(200).json()["count"], 1);
}

#[actix_web::test]
async fn import_that_was_not_committed_is_done_by_the_next_request() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // An error that proves nothing.
    let url = server.database_url.clone();
    at_commit(&url, "RAISE EXCEPTION 'raised at commit' USING ERRCODE = 'XX000'").await;
    let answer = import(&server, &admin, "k", &document()).await;
    answer.expect_error(504, "OUTCOME_UNKNOWN");
    database::sql(&url, "DROP TRIGGER at_commit ON business_domains").await;
    assert_created(repeat(&server, &admin).await);
    assert_eq!(imports(&server).await, "1");
}
