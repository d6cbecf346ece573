//! After a change all clients of a list ask for it again at once: one of them reads it from the
//! database, for all. The door is held open by a lock on the table.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_postgres::Client;

use crate::support::held::credential;
use crate::support::samples::metric;
use crate::support::{Server, database};

const LIST: &str = "/api/v1/metrics?limit=20";
const READERS: u32 = 16;

/// Statements of the list.
const STATEMENTS: &str = "%metrics%";

/// A server whose list is cached and outdated.
async fn with_stale_list() -> (Server, String) {
    // The reads wait for the test, however slow the machine is.
    let server = Server::with(&["--circuit-breaker-timeout", "60000"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.settled().await;
    server.warm(4).await;
    server.get(LIST, &admin).await.expect(200);
    let tags = json!({"tags": ["new"]});
    server.put("/api/v1/metrics/m1", &admin, &tags).await.expect(200);
    (server, admin)
}

/// Locks the table, so that reads of it wait until the client is dropped.
async fn lock(server: &Server) -> Client {
    let client = database::connect(&server.database_url).await;
    client.batch_execute("BEGIN; LOCK TABLE metrics IN ACCESS EXCLUSIVE MODE").await.unwrap();
    client
}

async fn in_flight(server: &Server, requests: u32) {
    for _ in 0..2000 {
        if (server.reading("http_requests_in_flight").await - f64::from(requests)).abs() < 0.5 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("there are not {requests} requests");
}

/// Waits until so many reads of the list wait for the lock, and no other begins.
async fn reading(server: &Server, reads: usize) {
    for _ in 0..3 {
        database::until_locked(&server.database_url, reads, STATEMENTS).await;
    }
}

#[actix_web::test]
async fn readers_of_a_stale_list_share_one_read() {
    let (server, admin) = with_stale_list().await;
    let door = lock(&server).await;
    let readers = join_all((0..READERS).map(|_| server.get(LIST, &admin)));
    let opener = async {
        in_flight(&server, READERS).await;
        reading(&server, 1).await;
        drop(door);
    };
    let (answers, ()) = futures_util::join!(readers, opener);
    for answer in answers {
        assert_eq!(answer.expect(200).json()["data"][0]["tags"], json!(["new"]));
    }
}

#[actix_web::test]
async fn reader_that_knows_of_a_later_change_reads_itself() {
    let (server, admin) = with_stale_list().await;
    let door = lock(&server).await;
    let first = server.get(LIST, &admin);
    let later = async {
        in_flight(&server, 1).await;
        server.state().catalogue.responses.epochs.start_incarnation();
        let second = server.get(LIST, &admin);
        let opener = async {
            in_flight(&server, 2).await;
            reading(&server, 2).await;
            drop(door);
        };
        futures_util::join!(second, opener).0
    };
    let (first, second) = futures_util::join!(first, later);
    first.expect(200);
    second.expect(200);
}

#[actix_web::test]
async fn readers_are_answered_if_the_client_that_reads_for_them_disconnects() {
    let (server, admin) = with_stale_list().await;
    let door = lock(&server).await;
    let mut first = server.connect().await;
    let head = format!("GET {LIST} HTTP/1.1\r\nhost: x\r\n{}\r\n\r\n", credential(&admin));
    first.write_all(head.as_bytes()).await.unwrap();
    in_flight(&server, 1).await;
    let others = join_all((1..READERS).map(|_| server.get(LIST, &admin)));
    let opener = async {
        in_flight(&server, READERS).await;
        socket2::SockRef::from(&first).set_linger(Some(Duration::ZERO)).unwrap();
        drop(first);
        in_flight(&server, READERS - 1).await;
        reading(&server, 1).await;
        drop(door);
    };
    for answer in futures_util::join!(others, opener).0 {
        assert_eq!(answer.expect(200).json()["data"][0]["tags"], json!(["new"]));
    }
}
