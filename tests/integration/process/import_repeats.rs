//! `mdl import --url` over a bad network: a request whose response is lost is sent again with the
//! same `Idempotency-Key`, so that nothing is lost or imported twice.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, run_within, success};
use crate::process::remote_commands::{FalseService, answer, error};
use crate::process::round_trip::{LIMIT, write_catalogue};
use crate::support::database;

const DONE: &str = r#"{"data":{"dry_run":false,"items":[],
    "counts":{"created":1,"updated":0,"unchanged":0,"errors":0}}}"#;

/// Returns the keys that the requests had, in their order.
fn keys(service: &FalseService) -> Vec<String> {
    let key = |head: &String| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with("idempotency-key: "));
        line.map_or_else(String::new, |line| line[17..].to_owned())
    };
    service.heads().iter().map(key).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_refused_requests_are_sent_again_with_their_key() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.json"), r#"{"domains":[]}"#).unwrap();
    let running = r#"{"error":{"code":"CONFLICT","message":
        "The first request with this Idempotency-Key is still running"}}"#;
    let service = FalseService::start(vec![
        "HTTP/1.1 200 OK\r\nContent-Le".into(),
        error("504 Gateway Timeout", "", "OUTCOME_UNKNOWN"),
        answer("409 Conflict", "Content-Type: application/json\r\n", running),
        // A proxy without a server.
        answer("503 Service Unavailable", "", ""),
        error("503 Service Unavailable", "Retry-After: 1\r\n", "OVERLOADED"),
        answer("200 OK", "Content-Type: application/json\r\n", DONE),
    ])
    .await;
    let output = service.mdl(folder.path(), &["import", "d.json"], "a.b.c").await;
    assert_eq!(success(&output), "created 1, updated 0, unchanged 0, errors 0\n");
    let (keys, said) = (keys(&service), stderr(&output));
    assert_eq!(keys.len(), 6);
    assert_eq!(keys[0].len(), 36, "{keys:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    for expected in ["OUTCOME_UNKNOWN: No.; sending the request again in 2 s", "waiting 1 s"] {
        assert!(said.contains(expected), "{said}");
    }
    // Failures before a response that says that the first request is running do not count.
    assert_eq!(said.matches("sending the request again in 1 s").count(), 3, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_is_sent_again_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.json"), r#"{"domains":[]}"#).unwrap();
    let service = FalseService::start(vec![
        "HTTP/1.1 200 OK\r\nContent-Le".into(),
        answer("200 OK", "", &DONE.replace("false", "true")),
    ])
    .await;
    let output = service.mdl(folder.path(), &["import", "d.json", "--dry-run"], "a.b.c").await;
    assert!(success(&output).starts_with("dry run"), "{output:?}");
    assert_eq!(keys(&service), ["", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_was_never_reached_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.json"), r#"{"domains":[]}"#).unwrap();
    let import = command(folder.path(), &["import", "d.json", "--url", "http://127.0.0.1:1"]);
    let output = tokio::task::spawn_blocking(move || run_within(LIMIT, import, "")).await.unwrap();
    assert!(!output.status.success() && !stderr(&output).contains("again"), "{output:?}");
}

/// A proxy that resets the connection in place of the response to the first, the third, … request.
/// The service has done the request by then.
struct LossyProxy {
    base: String,
    requests: Arc<AtomicUsize>,
}

impl LossyProxy {
    async fn start(target: &str) -> Self {
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&counted)));
            }
        });
        Self { base, requests }
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, requests: Arc<AtomicUsize>) {
    let (mut sent, mut received) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut is_lost = false;
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let length = read.unwrap_or(0);
                if length == 0 {
                    return;
                }
                if sent[..length].starts_with(b"POST ") {
                    is_lost = requests.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
                }
                // The service may have responded and closed the connection.
                let _ = server.write_all(&sent[..length]).await;
            }
            read = server.read(&mut received) => {
                let length = read.unwrap_or(0);
                if is_lost && length > 0 {
                    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
                    return;
                }
                if client.write_all(&received[..length]).await.is_err() {
                    return;
                }
                if length == 0 {
                    // What is still being sent would reset the connection before it is read.
                    let _ = client.shutdown().await;
                    let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
                    return;
                }
            }
        }
    }
}

async fn import(folder: &Path, proxy: &LossyProxy, token: &str, file: &str) -> Output {
    let mut command = command(folder, &["import", file, "--url", &proxy.base]);
    command.env("MDL_TOKEN", token);
    tokio::task::spawn_blocking(move || run_within(LIMIT, command, "")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn import_whose_responses_are_lost_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let limits = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("IMPORT_MAX_BYTES", "70000"),
    ];
    let serving = Serving::start(folder, &[&SECRETS[..], &limits].concat(), &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let counts = async || {
        let counts = "SELECT (SELECT count(*) FROM metric_revisions)::text, (SELECT count(*) FROM \
                      audit_events WHERE action = 'catalogue.imported')::text, \
                      (SELECT count(*) FROM idempotency_keys)::text";
        database::sql(&url, counts).await.concat()
    };
    // In one request.
    let proxy = LossyProxy::start(&serving.base).await;
    write_catalogue(&folder.join("few.json"), 5);
    let output = import(folder, &proxy, &token, "few.json").await;
    assert_eq!(success(&output), "created 7, updated 0, unchanged 0, errors 0\n");
    assert_eq!(proxy.requests.load(Ordering::SeqCst), 2);
    assert_eq!(counts().await, ["5", "1", "1"]);
    // In parts: without the key, the last response would say that all is unchanged.
    let proxy = LossyProxy::start(&serving.base).await;
    write_catalogue(&folder.join("many.json"), 90);
    let output = import(folder, &proxy, &token, "many.json").await;
    assert_eq!(success(&output), "created 85, updated 0, unchanged 7, errors 0\n");
    let [revisions, imports, keys] = &counts().await[..] else { panic!() };
    assert_eq!(revisions, "90");
    assert_eq!(imports, keys, "each part was imported once");
    let parts = imports.parse::<usize>().unwrap() - 1;
    // The whole file, the dry runs and the parts, each of them twice.
    let requests = proxy.requests.load(Ordering::SeqCst);
    assert!(parts > 1 && requests >= 2 * (1 + 2 * parts), "{requests} for {parts} parts");
    let said = stderr(&output);
    assert_eq!(said.matches("sending the request again in 1 s").count(), requests / 2, "{said}");
}
