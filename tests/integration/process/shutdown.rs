//! Shutdown of the binary while a write is under way.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

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
    let stopping = tokio::task::spawn_blocking(move || serving.terminate());
    // By then the workers wait for their last connection, and look for it once a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(stopping.await.unwrap(), Some(0));
    let stored = database::sql(&url, "SELECT domain_id FROM business_domains").await;
    assert_eq!(stored, [["d"]]);
}
