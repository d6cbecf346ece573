//! A database for every test, copied from a template that has the schema.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Returns the URL of the cluster that `scripts/with-postgres` started.
pub fn cluster() -> String {
    std::env::var("MDL_TEST_POSTGRES")
        .expect("run the tests with scripts/with-postgres or scripts/test")
}

/// Opens a connection of the test's own, for transactions that it holds open.
#[allow(dead_code)] // Benchmarks use only a part of the support.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Runs SQL on one database of the cluster, on a connection of its own.
pub async fn sql(url: &str, statements: &str) -> Vec<Vec<String>> {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
    let driving = tokio::spawn(connection);
    let mut rows = Vec::new();
    for message in client.simple_query(statements).await.expect("the statements to work") {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            rows.push(
                (0..row.len()).map(|column| row.get(column).unwrap_or("NULL").to_owned()).collect(),
            );
        }
    }
    drop(client);
    let _ = driving.await;
    rows
}

/// Waits until a query returns true.
#[allow(dead_code)] // Not every suite waits.
pub async fn until(url: &str, question: &str) {
    let began = Instant::now();
    while sql(url, question).await[0][0] != "t" {
        assert!(began.elapsed() < Duration::from_secs(10), "never: {question}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until so many statements of the service that match `like` wait for a lock.
#[allow(dead_code)]
pub async fn until_locked(url: &str, statements: usize, like: &str) {
    let question = format!(
        "SELECT count(*) = {statements} FROM pg_stat_activity WHERE application_name = 'mdl' \
         AND datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '{like}'"
    );
    until(url, &question).await;
}

/// Returns the URL of a database.
pub fn url(name: &str) -> String {
    format!("{}/{name}", cluster())
}

/// Creates a database with the schema. Returns its URL.
pub async fn fresh() -> String {
    let template = TEMPLATE.get_or_init(template).await;
    let name = format!("mdl_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    sql(&url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    url(&name)
}

/// Creates an empty database. Returns its URL.
pub async fn empty() -> String {
    let name = format!("mdl_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    sql(&url("postgres"), &format!("CREATE DATABASE {name}")).await;
    url(&name)
}

async fn template() -> String {
    let name = format!("mdl_template_{}", std::process::id());
    sql(&url("postgres"), &format!("CREATE DATABASE {name}")).await;
    let migrated = std::process::Command::new(env!("CARGO_BIN_EXE_mdl"))
        .arg("migrate")
        .env("DATABASE_URL", url(&name))
        .output()
        .expect("the binary");
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    name
}
