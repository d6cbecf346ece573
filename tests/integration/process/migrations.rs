//! Migrations by the binary and by the diesel command line: up, down, and up again.

use std::path::Path;
use std::process::Command;

use crate::process::binary::{command, run, success};
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
    let both = [spawn(), spawn()];
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
}
