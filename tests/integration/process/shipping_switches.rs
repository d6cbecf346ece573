//! `ELASTICSEARCH_ENABLED` and `AWS_CLOUDWATCH_ENABLED`: the log server is contacted only if they
//! are on, whatever else is configured.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};
use crate::support::database;

/// Starts a log server that refuses everything; returns its URL and the number of its requests.
fn log_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 1024]);
            let answer =
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer);
        }
    });
    (url, requests)
}

/// Returns whether the log server is contacted with this value of the switch.
async fn is_contacted(switch: &str, url_variable: &str, value: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let database = database::fresh().await;
    let (url, requests) = log_server();
    let environment = [
        SECRETS[0],
        SECRETS[1],
        ("DATABASE_URL", database.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("AWS_ACCESS_KEY_ID", "only-for-tests"),
        ("AWS_SECRET_ACCESS_KEY", "only-for-tests"),
        (url_variable, url.as_str()),
        (switch, value),
    ];
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    // At the end all events are shipped that there are.
    assert_eq!(serving.terminate(), Some(0));
    requests.load(Ordering::SeqCst) > 0
}

#[tokio::test]
async fn events_are_shipped_to_elasticsearch_only_if_enabled() {
    assert!(is_contacted("ELASTICSEARCH_ENABLED", "ELASTICSEARCH_URL", "true").await);
    assert!(!is_contacted("ELASTICSEARCH_ENABLED", "ELASTICSEARCH_URL", "false").await);
}

#[tokio::test]
async fn events_are_shipped_to_cloudwatch_only_if_enabled() {
    assert!(is_contacted("AWS_CLOUDWATCH_ENABLED", "AWS_ENDPOINT_URL", "true").await);
    assert!(!is_contacted("AWS_CLOUDWATCH_ENABLED", "AWS_ENDPOINT_URL", "false").await);
}
