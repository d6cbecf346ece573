//! What the service says about its database at startup, and by which name the server lists it.

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, first_line};
use crate::support::database;

#[tokio::test]
async fn server_is_named_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let with_password = url.replacen("postgres@", "postgres:very-secret@", 1);
    let line = first_line(folder.path(), &with_password, "database reached");
    let version = database::sql(&url, "SHOW server_version").await[0][0].clone();
    assert_eq!(line["server_version"], version.as_str());
    assert_eq!(line["database"], url.rsplit_once('/').unwrap().1);
    assert_eq!(line["user"], "postgres");
    assert_eq!(line["level"], "info");
    assert!(line["host"].as_str().unwrap().starts_with("localhost:"), "{line}");
    assert!(line["application_name"].as_str().unwrap().starts_with("mdl/"), "{line}");
    assert!(!line.to_string().contains("very-secret"), "{line}");
}

#[tokio::test]
async fn connections_are_listed_by_process() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", &url), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat();
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    let names = "SELECT DISTINCT application_name FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let names = database::sql(&url, names).await;
    assert_eq!(names.len(), 1, "{names:?}");
    let process = format!(":{}", serving.child.id());
    assert!(names[0][0].starts_with("mdl/") && names[0][0].ends_with(&process), "{names:?}");
    assert_eq!(serving.terminate(), Some(0));
}

#[tokio::test]
async fn locale_that_folds_ascii_only_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("mdl_locale_{}", std::process::id());
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
    database::sql(&database::url("postgres"), &create).await;
    let url = database::url(&name);
    let line = first_line(folder.path(), &url, "locale of the database is unsuitable");
    assert_eq!((&line["level"], &line["database"]), (&"warning".into(), &name.as_str().into()));
    assert!(line["problem"].as_str().unwrap().contains("ASCII letters only"), "{line}");
    assert!(line["remedy"].as_str().unwrap().contains("LOCALE 'C.UTF-8'"), "{line}");
    let line = first_line(folder.path(), &url, "database reached");
    assert_eq!(line["collation"], "C");
}
