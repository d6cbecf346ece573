//! A database for every test, copied from a template that has the schema.

use std::path::Path;
use std::process::Command;
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

/// Stops, pauses or starts the cluster.
pub fn ctl(what: &str) {
    let ctl = std::env::var("MDL_TEST_CTL")
        .expect("run the tests with scripts/with-postgres or scripts/test");
    assert!(Command::new(ctl).arg(what).status().expect("its status").success(), "{what}");
}

/// Returns the URL with which the service connects to a database of [`fresh`]. It differs from the
/// test's own if the service has a role of its own, or is behind a pooler
/// (`MDL_TEST_SERVICE_POSTGRES`, set by `scripts/with-postgres`). A URL with another address, as of
/// a proxy of the test, keeps that.
pub fn service_url(url: &str) -> String {
    let Some(service) = service() else { return url.to_owned() };
    let Ok(mut changed) = url::Url::parse(url) else { return url.to_owned() };
    let is_fresh = changed.path().starts_with("/mdl_fresh_");
    if !is_fresh || changed.username() != "postgres" {
        return url.to_owned();
    }
    let cluster = url::Url::parse(&cluster()).expect("a URL");
    changed.set_username(service.username()).expect("a user name");
    if (changed.host_str(), changed.port()) == (cluster.host_str(), cluster.port()) {
        changed.set_host(service.host_str()).expect("a host");
        changed.set_port(service.port()).expect("a port");
    }
    changed.into()
}

fn service() -> Option<url::Url> {
    let url = std::env::var("MDL_TEST_SERVICE_POSTGRES").ok()?;
    Some(url::Url::parse(&url).expect("a URL"))
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
        "SELECT count(*) = {statements} FROM pg_stat_activity WHERE application_name LIKE 'mdl/%' \
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
    let name =
        format!("mdl_fresh_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
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
    // A service with a role of its own has a schema that belongs to the owner's.
    let role = service().map(|url| url.username().to_owned()).filter(|role| role != "postgres");
    let mut owner = url(&name);
    if let Some(service) = &role {
        grant(&url(&name), ["mdl_owner", service, "mdl_reader"]);
        sql(&url(&name), &format!("ALTER ROLE mdl_owner LOGIN; ALTER ROLE {service} LOGIN")).await;
        owner = owner.replacen("postgres@", "mdl_owner@", 1);
    }
    let migrated = Command::new(env!("CARGO_BIN_EXE_mdl"))
        .arg("migrate")
        .env("DATABASE_URL", owner)
        .output()
        .expect("the binary");
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    if let Some(service) = &role {
        grant(&url(&name), ["mdl_owner", service, "mdl_reader"]);
    }
    name
}

/// Runs `scripts/roles.sql` as the superuser, with these names for owner, service and reader.
pub fn grant(url: &str, [owner, service, reader]: [&str; 3]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/roles.sql");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script);
    for (name, value) in [("owner", owner), ("service", service), ("reader", reader)] {
        psql.args(["-v", &format!("{name}={value}")]);
    }
    let granted = psql.arg(url).output().expect("psql");
    assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
}

/// Creates the roles of `scripts/roles.sql` for one database, and lets its service log in. Returns
/// the name of that role, and the URL with which it connects.
#[allow(dead_code)] // Benchmarks use only a part of the support.
pub async fn service_role(url: &str) -> (String, String) {
    let suffix = url.rsplit_once('/').expect("a database").1;
    let [owner, role, reader] =
        ["owner", "service", "reader"].map(|role| format!("{role}_{suffix}"));
    grant(url, [&owner, &role, &reader]);
    sql(url, &format!("ALTER ROLE {role} LOGIN")).await;
    let as_role = url.replacen("postgres@", &format!("{role}@"), 1);
    (role, as_role)
}
