//! `pg_dump` and `pg_restore` into another database: everything, and the data alone.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, run, success};
use crate::support::database;

/// What has to be emptied before data alone is restored: the rows that migrations insert.
const BEFORE: &str = "TRUNCATE catalogue_epochs, catalogue_totals, authority_epochs, \
    __diesel_schema_migrations";
/// Counts the total anew: triggers that were not disabled have counted the restored rows, too.
const AFTER: &str = "UPDATE catalogue_totals SET metrics = (SELECT count(*) FROM metrics)";

fn restore(arguments: &[&str], dump: &Path, url: &str) {
    let mut restore = Command::new("pg_restore");
    restore.args(["--exit-on-error", "--no-owner"]).args(arguments).arg("-d").arg(url).arg(dump);
    success(&restore.output().expect("pg_restore"));
}

async fn start(folder: &Path, url: &str, arguments: &[&str]) -> Serving {
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", url), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat();
    Serving::start(folder, &environment, arguments).await
}

/// Returns the catalogue, its total and its changes, as an administrator reads them.
async fn content(serving: &Serving) -> [Value; 4] {
    let token = serving.login(ADMIN_PASSWORD).await;
    let metrics = serving.get("/api/v1/metrics?limit=100", &token).await;
    let domains = serving.get("/api/v1/domains", &token).await;
    let total = metrics["pagination"]["total"].clone();
    let changes = serving.get("/api/v1/changes", &token).await;
    [metrics["data"].clone(), domains["data"].clone(), total, changes]
}

#[tokio::test]
async fn dump_is_restored_in_whole_and_as_data_alone() {
    let folder = tempfile::tempdir().unwrap();
    let original = database::empty().await;
    let mut serving = start(folder.path(), &original, &["--sample"]).await;
    let expected = content(&serving).await;
    assert!(expected[2].as_i64().unwrap() >= 24, "{}", expected[2]);
    assert_eq!(serving.terminate(), Some(0));
    let dump = |name: &str, arguments: &[&str]| {
        let file = folder.path().join(name);
        let mut dump = Command::new("pg_dump");
        dump.arg("-Fc").args(arguments).arg("-f").arg(&file).arg(&original);
        success(&dump.output().expect("pg_dump"));
        file
    };
    let (whole, data) = (dump("whole.dump", &[]), dump("data.dump", &["--data-only"]));

    let empty = database::empty().await;
    restore(&[], &whole, &empty);
    assert_eq!(content_of(folder.path(), &empty).await, expected);

    // As a superuser from a dump of everything.
    let migrated = migrated(folder.path()).await;
    restore(&["--data-only", "--disable-triggers"], &whole, &migrated);
    assert_eq!(content_of(folder.path(), &migrated).await, expected);

    // As the owner: the triggers run, with the empty search path of pg_restore.
    let migrated = self::migrated(folder.path()).await;
    restore(&["--data-only"], &data, &migrated);
    database::sql(&migrated, AFTER).await;
    assert_eq!(content_of(folder.path(), &migrated).await, expected);
}

/// Creates a database with the schema and without the rows that migrations insert.
async fn migrated(folder: &Path) -> String {
    let url = database::empty().await;
    let mut migrate = command(folder, &["migrate"]);
    migrate.env("DATABASE_URL", &url);
    success(&run(migrate, ""));
    database::sql(&url, BEFORE).await;
    url
}

async fn content_of(folder: &Path, url: &str) -> [Value; 4] {
    let mut serving = start(folder, url, &[]).await;
    let content = content(&serving).await;
    assert_eq!(serving.terminate(), Some(0));
    content
}
