//! Shutdown of the binary: the delay for load balancers, a second signal, and what is finished
//! before it exits.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};
use crate::support::database;

#[tokio::test]
async fn write_whose_client_disconnects_during_shutdown_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let environment = [
        SECRETS[0],
        SECRETS[1],
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        // Its half is the lock timeout, which must be longer than the lock below is held.
        ("CIRCUIT_BREAKER_TIMEOUT", "60000"),
    ];
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let blocker = database::connect(&url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let address = serving.base.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.unwrap();
    let body = r#"{"domain_id":"d","name":"D"}"#;
    let request = format!(
        "POST /api/v1/domains HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    database::until_locked(&url, 1, "%").await;
    serving.signal("TERM");
    serving.until_refusing().await;
    let stopping = tokio::task::spawn_blocking(move || serving.wait());
    // By then the workers wait for their last connection, and look for it once a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    // The workers look for their last connection once a second; none is left that they can see.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    database::until_locked(&url, 1, "%").await;
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(stopping.await.unwrap(), Some(0));
    let stored = database::sql(&url, "SELECT domain_id FROM business_domains").await;
    assert_eq!(stored, [["d"]]);
}

/// Starts the service with these variables, on a database of its own.
async fn started(folder: &std::path::Path, variables: &[(&str, &str)]) -> Serving {
    let url = database::fresh().await;
    let fixed = [("DATABASE_URL", url.as_str()), ("ADMIN_PASSWORD", ADMIN_PASSWORD)];
    Serving::start(folder, &[&SECRETS[..], &fixed, variables].concat(), &[]).await
}

#[tokio::test]
async fn load_balancers_see_not_ready_while_requests_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = started(folder.path(), &[("SHUTDOWN_DELAY", "300000")]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    serving.signal("TERM");
    // Each request on a new connection, as of a load balancer.
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let checks = loop {
        let ready = client.get(format!("{}/health/ready", serving.base)).send().await.unwrap();
        let status = ready.status();
        let body: serde_json::Value = ready.json().await.unwrap();
        if status == 503 {
            break body["checks"].clone();
        }
        assert!(Instant::now() < until, "never red: {body}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(checks, json!({"database": "ok", "api_key_cache": "ok", "service": "stopping"}));
    let write = client.post(format!("{}/api/v1/domains", serving.base)).bearer_auth(&token);
    let write = write.json(&json!({"domain_id": "d", "name": "D"})).send().await.unwrap();
    assert_eq!(write.status(), 201);
    // A second signal does not wait for the rest of the delay.
    serving.signal("TERM");
    assert_eq!(serving.wait(), Some(143));
}

#[tokio::test]
async fn service_stops_after_the_delay_and_ctrl_c_waits_for_none() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, shortest) in [("2000", 2), ("", 5)] {
        // Empty is not set: the default, because no terminal is there.
        let mut serving = started(folder.path(), &[("SHUTDOWN_DELAY", variable)]).await;
        let signalled = Instant::now();
        assert_eq!(serving.terminate(), Some(0));
        assert!(signalled.elapsed() >= Duration::from_secs(shortest), "{:?}", signalled.elapsed());
    }
    let mut serving = started(folder.path(), &[("SHUTDOWN_DELAY", "300000")]).await;
    serving.signal("INT");
    assert_eq!(serving.wait(), Some(0));
}

#[tokio::test]
async fn second_signal_ends_the_process_while_a_request_runs() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let log_server = format!("http://{}", silent.local_addr().unwrap());
    let url = database::fresh().await;
    let variables = [
        SECRETS[0],
        SECRETS[1],
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("CIRCUIT_BREAKER_TIMEOUT", "600000"),
        // Log events that cannot be shipped: a shutdown waits 5 s for them.
        ("ELASTICSEARCH_ENABLED", "true"),
        ("ELASTICSEARCH_URL", log_server.as_str()),
    ];
    let mut serving = Serving::start(folder.path(), &variables, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let blocker = database::connect(&url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let write = serving.http.post(format!("{}/api/v1/domains", serving.base)).bearer_auth(&token);
    let write = write.json(&json!({"domain_id": "d", "name": "D"})).send();
    let write = tokio::spawn(write);
    database::until_locked(&url, 1, "%business_domains%").await;
    serving.signal("TERM");
    serving.until_refusing().await;
    serving.signal("INT");
    let signalled = Instant::now();
    assert_eq!(serving.wait(), Some(130));
    assert!(signalled.elapsed() < Duration::from_secs(5), "{:?}", signalled.elapsed());
    assert!(write.await.unwrap().is_err());
}

/// Takes one mail, after it was released. Returns its text.
async fn take_mail(
    server: TcpListener,
    connected: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
) -> String {
    let (stream, _) = server.accept().await.unwrap();
    connected.send(()).unwrap();
    go.await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let (mut lines, mut text) = (BufReader::new(reader).lines(), String::new());
    writer.write_all(b"220 ready\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match line.split_whitespace().next().unwrap_or_default() {
            "DATA" => "354 go on\r\n",
            "QUIT" => break,
            _ => "250 ok\r\n",
        };
        writer.write_all(reply.as_bytes()).await.unwrap();
        if reply.starts_with("354") {
            while let Some(line) = lines.next_line().await.unwrap().filter(|line| line != ".") {
                text.push_str(&line);
            }
            writer.write_all(b"250 taken\r\n").await.unwrap();
        }
    }
    text
}

#[tokio::test]
async fn mail_that_was_answered_with_202_is_sent_before_the_process_exits() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = format!("smtp://{}", server.local_addr().unwrap());
    let mut serving = started(folder.path(), &[("SMTP_URL", &smtp)]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let user = json!({"username": "ada", "email": "ada@example.com", "full_name": "Ada",
        "password": "some password for tests", "role": "viewer"});
    let create = serving.http.post(format!("{}/api/auth/users", serving.base)).bearer_auth(&token);
    assert_eq!(create.json(&user).send().await.unwrap().status(), 201);
    let ((connected, is_connected), (release, go)) = (oneshot::channel(), oneshot::channel());
    let mail = tokio::spawn(take_mail(server, connected, go));
    let request = serving.http.post(format!("{}/api/auth/password-reset/request", serving.base));
    let request = request.json(&json!({"email": "ada@example.com"})).send().await.unwrap();
    assert_eq!(request.status(), 202);
    is_connected.await.unwrap();
    serving.signal("TERM");
    // The workers have ended, or are about to.
    serving.until_refusing().await;
    release.send(()).unwrap();
    let stopped = tokio::task::spawn_blocking(move || serving.wait());
    let text = mail.await.unwrap();
    assert_eq!(stopped.await.unwrap(), Some(0));
    assert!(text.contains("Subject: Reset your MDL password"), "{text}");
}
