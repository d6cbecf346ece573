//! Migrations by the binary and by the diesel command line: up, down, and up again.

use std::path::Path;
use std::process::Command;

use crate::process::binary::{command, failure, first_line, run, success};
use crate::support::database;

/// Returns the schema of a database as text.
fn schema(url: &str) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--no-owner", url])
        .output()
        .expect("pg_dump");
    let text = success(&output);
    // Newer versions of pg_dump write a random word there.
    text.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn migrations_run_by_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let migrate = |arguments: &[&str]| {
        let mut command = command(folder.path(), &[&["migrate"], arguments].concat());
        command.env("DATABASE_URL", &url);
        success(&run(command, ""))
    };
    let before = schema(&url);
    assert!(!migrate(&["--status"]).contains("[x]"));
    let first = migrate(&[]);
    let count = first.lines().count();
    assert_eq!(migrate(&[]).trim(), "the schema is up to date");
    assert!(!migrate(&["--status"]).contains("[ ]"));
    let there = schema(&url);
    for _ in 0..count {
        assert!(migrate(&["--revert"]).starts_with("reverted"));
    }
    assert_eq!(migrate(&["--revert"]).trim(), "there is nothing to revert");
    // Only diesel's own table is left.
    let left = "SELECT count(*) FROM pg_class \
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
                UNION ALL SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let left = database::sql(&url, left).await;
    assert_eq!(left, [["1"], ["0"]], "before:\n{before}");
    migrate(&[]);
    assert_eq!(schema(&url), there);
}

#[tokio::test]
async fn migrations_run_by_the_diesel_command_line() {
    let diesel = std::env::var("MDL_DIESEL")
        .expect("run the tests with scripts/test, which installs diesel");
    let url = database::empty().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let diesel = |arguments: &[&str]| {
        success(
            &Command::new(&diesel)
                .args(arguments)
                .current_dir(root)
                .env("DATABASE_URL", &url)
                .output()
                .unwrap(),
        )
    };
    // `print-schema` also checks that the committed file is what it would write.
    diesel(&["migration", "run", "--locked-schema"]);
    let there = schema(&url);
    let printed = diesel(&["print-schema"]);
    assert_eq!(
        printed.trim(),
        std::fs::read_to_string(root.join("src/storage/schema.rs")).unwrap().trim()
    );
    diesel(&["migration", "redo", "--all", "--locked-schema"]);
    assert_eq!(schema(&url), there);
    // Reverts each of them alone.
    let migrations = std::fs::read_dir(root.join("migrations"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir())
        .count();
    for number in 1..=migrations {
        let number = number.to_string();
        diesel(&["migration", "redo", "--number", &number, "--locked-schema"]);
    }
    assert_eq!(schema(&url), there);
}

#[tokio::test]
async fn concurrent_migrations_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let spawn = || {
        let mut command = command(folder.path(), &["migrate"]);
        command.env("DATABASE_URL", &url);
        command.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    // Both have found pending migrations before one of them runs any.
    let holder = database::connect(&url).await;
    holder.batch_execute("SELECT pg_advisory_lock(x'6d646c'::int)").await.unwrap();
    let both = [spawn(), spawn()];
    let waiting = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database::until(&url, waiting).await;
    holder.batch_execute("SELECT pg_advisory_unlock(x'6d646c'::int)").await.unwrap();
    let said: Vec<String> =
        both.into_iter().map(|child| success(&child.wait_with_output().unwrap())).collect();
    assert_eq!(said.iter().filter(|text| text.contains("ran ")).count(), 1, "{said:?}");
}

#[tokio::test]
async fn schema_has_comments_and_foreign_keys_have_indexes() {
    let url = database::fresh().await;
    let bare = database::sql(
        &url,
        "SELECT c.relname || '.' || coalesce(a.attname, '') FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped OR \
         a.attnum = 0
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE \
         '\\_\\_%'
           AND a.attrelid = c.oid AND col_description(c.oid, a.attnum) IS NULL
         UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND \
         relkind = 'r'
           AND relname NOT LIKE '\\_\\_%' AND obj_description(oid, 'pg_class') IS NULL",
    )
    .await;
    assert_eq!(bare, Vec::<Vec<String>>::new());
    assert_eq!(unindexed_foreign_keys(&url).await, Vec::<Vec<String>>::new());
    let foreign_keys = "SELECT count(*) >= 5 FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(database::sql(&url, foreign_keys).await, [["t"]]);
    // The check finds what it is to find.
    database::sql(&url, "CREATE TABLE bare (owner uuid REFERENCES users (user_id))").await;
    assert_eq!(unindexed_foreign_keys(&url).await, [["bare_owner_fkey"]]);
}

/// Lists the foreign keys whose columns are not the first ones of an index.
async fn unindexed_foreign_keys(url: &str) -> Vec<Vec<String>> {
    let question = "SELECT conname FROM pg_constraint f
         WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND NOT EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indpred IS NULL
             AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)";
    database::sql(url, question).await
}

/// Reverts the last migrations, up to and including this version.
fn revert_to(mdl: &dyn Fn(&[&str]) -> Command, version: &str) {
    loop {
        let said = success(&run(mdl(&["migrate", "--revert"]), ""));
        assert!(said.starts_with("reverted"), "{version} is no migration: {said}");
        if said.contains(version) {
            return;
        }
    }
}

#[tokio::test]
async fn role_that_does_not_own_the_tables_is_told_who_may_migrate() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let mdl = |url: &str, arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("DATABASE_URL", url);
        command
    };
    success(&run(mdl(&url, &["migrate"]), ""));
    revert_to(&|arguments| mdl(&url, arguments), "20261125000006");
    let role = format!("guest_{}", url.rsplit_once('/').unwrap().1);
    let grants = format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    );
    database::sql(&url, &grants).await;
    let as_guest = url.replacen("postgres@", &format!("{role}@"), 1);
    let said = failure(&run(mdl(&as_guest, &["migrate"]), ""));
    assert!(said.contains("may not run migration 2026-11-25-000006"), "{said}");
    assert!(said.contains("run `mdl migrate` as the owner of the schema"), "{said}");
    // The cause of the server.
    assert!(said.contains("must be owner of"), "{said}");
    let line = first_line(folder.path(), &as_guest, "service cannot become ready");
    assert!(line["error"].as_str().unwrap().contains("as the owner of the schema"), "{line}");
}

/// `ALTER TABLE` waits for every transaction on the table, and all others queue behind it.
#[tokio::test]
async fn migration_does_not_queue_in_front_of_others_behind_a_long_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let mdl = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("DATABASE_URL", &url);
        command
    };
    success(&run(mdl(&["migrate"]), ""));
    revert_to(&mdl, "20261125000006");
    let long = database::connect(&url).await;
    long.batch_execute("BEGIN; SELECT count(*) FROM metrics").await.unwrap();
    let mut waiting = mdl(&["migrate"]);
    waiting.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    database::until(
        &url,
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND query LIKE '%ALTER TABLE metrics%'",
    )
    .await;
    // Comes behind the migration, and is served before the long transaction ends.
    assert_eq!(database::sql(&url, "SELECT count(*) FROM metrics").await, [["0"]]);
    let idle = "SELECT count(*) = 1 FROM pg_stat_activity \
                WHERE datname = current_database() AND state = 'idle in transaction'";
    assert_eq!(database::sql(&url, idle).await, [["t"]]);
    long.batch_execute("COMMIT").await.unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert!(success(&output).contains("ran 2026-11-25-000006"), "{output:?}");
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warnings.contains("another transaction locks a table"), "{warnings}");
}
