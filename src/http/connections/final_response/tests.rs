//! Tests of `http::connections::final_response`.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

fn response() -> Vec<u8> {
    (0..=255).cycle().take(1500).collect()
}

async fn send(last: &mut FinalResponse, stream: &mut DuplexStream, offered: usize) -> usize {
    poll_fn(|context| last.poll_send(stream, context, offered)).await.expect("sent")
}

#[actix_web::test]
async fn slow_reader_gets_all_of_it_once() {
    for room in [1, 7, 100, 4096] {
        let (mut stream, mut client) = duplex(room);
        let mut last = FinalResponse::new(response(), 97);
        let read = async {
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.expect("a response");
            drop(client);
            got
        };
        let (consumed, got) = tokio::join!(send(&mut last, &mut stream, 97), read);
        assert_eq!((consumed, got), (97, response()), "{room}");
        // A second head is discarded.
        assert_eq!(send(&mut last, &mut stream, 80).await, 80);
    }
}

#[actix_web::test]
async fn nothing_counts_as_written_before_all_is_sent() {
    let (mut stream, mut client) = duplex(1000);
    let mut last = FinalResponse::without_linger(response(), 97);
    let first = poll_fn(|context| Poll::Ready(last.poll_send(&mut stream, context, 97))).await;
    assert!(first.is_pending(), "{first:?}");
    let mut part = [0; 600];
    client.read_exact(&mut part).await.expect("a part");
    // The parser's second head, when its timer is due meanwhile.
    assert_eq!(send(&mut last, &mut stream, 97 + 80).await, 177);
    drop(stream);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("the rest");
    assert_eq!([&part[..], &rest].concat(), response());
}

#[actix_web::test]
async fn rest_of_the_request_is_discarded_until_its_end() {
    let (mut stream, mut client) = duplex(64);
    let mut last = FinalResponse::new(b"response".to_vec(), 97);
    let more = async {
        client.write_all(&vec![b'x'; 100_000]).await.expect("all is read");
        client.shutdown().await.expect("an end");
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.expect("the response");
        got
    };
    let (consumed, got) = tokio::join!(send(&mut last, &mut stream, 97), more);
    assert_eq!((consumed, &got[..]), (97, &b"response"[..]));
}

#[actix_web::test]
async fn silent_client_is_not_waited_for() {
    let (mut stream, client) = duplex(64);
    let mut last = FinalResponse::new(b"response".to_vec(), 97);
    // It ends by its timer; a hang would end the test.
    assert_eq!(send(&mut last, &mut stream, 97).await, 97);
    drop(client);
}

#[actix_web::test]
async fn disconnected_client_is_an_error() {
    let (mut stream, client) = duplex(8);
    drop(client);
    let mut last = FinalResponse::new(response(), 97);
    let outcome = poll_fn(|context| last.poll_send(&mut stream, context, 97)).await;
    outcome.expect_err("broken pipe");
}
