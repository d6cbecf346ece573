//! `mdl backup` and `mdl restore` of the embedded mode: the original is destroyed in between.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::binary::{Serving, command, failure, run, success};
use crate::support::database;

fn mdl(folder: &Path, arguments: &[&str]) -> std::process::Output {
    run(command(folder, arguments), "")
}

/// Returns what is beside the data that a failed restore could have left.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("stderr-"));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn data_is_restored_after_the_original_was_destroyed() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path();
    let mut first = Serving::start(folder, &[], &["--sample"]).await;
    let data = folder.join("data");
    let password = std::fs::read_to_string(data.join("first-admin-password")).unwrap();
    let token = first.login(password.trim_end()).await;
    let before = first.get("/api/v1/metrics?limit=100", &token).await;
    assert!(before["count"].as_u64().unwrap() >= 24, "{before}");
    let refused = failure(&mdl(folder, &["backup", "running.tar.gz"]));
    assert!(refused.contains("another process uses") && refused.contains("stop it first"));
    assert!(!folder.join("running.tar.gz").exists());
    assert_eq!(first.terminate(), Some(0));

    let said = success(&mdl(folder, &["backup", "mdl.tar.gz"]));
    assert!(said.starts_with("mdl.tar.gz written: "), "{said}");
    let mode = std::fs::metadata(folder.join("mdl.tar.gz")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let backup = std::fs::read(folder.join("mdl.tar.gz")).unwrap();
    // An older backup is never replaced.
    failure(&mdl(folder, &["backup", "mdl.tar.gz"]));
    assert_eq!(std::fs::read(folder.join("mdl.tar.gz")).unwrap(), backup);
    let refused = failure(&mdl(folder, &["restore", "mdl.tar.gz"]));
    assert!(refused.contains("is not empty; move it away"), "{refused}");

    std::fs::remove_dir_all(&data).unwrap();
    // Backups that are damaged, and a file that is none: nothing is restored.
    let half = backup.len() / 2;
    let mut changed = backup.clone();
    changed[half] ^= 0x55;
    let mut no_checksum = backup.clone();
    no_checksum.truncate(backup.len() - 8);
    for bytes in [&backup[..half], &changed, &no_checksum, b"", b"no backup"] {
        std::fs::write(folder.join("damaged"), bytes).unwrap();
        let refused = failure(&mdl(folder, &["restore", "damaged"]));
        assert!(refused.contains("backup damaged"), "{refused}");
        assert_eq!(names(folder), ["damaged", "data", "mdl.tar.gz"]);
        assert_eq!(names(&data), [""; 0]);
    }
    let said = success(&mdl(folder, &["restore", "mdl.tar.gz"]));
    assert!(said.contains("restored from a backup of mdl "), "{said}");
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut second = Serving::start(folder, &[], &[]).await;
    // The token that was issued before: the secrets are those of the backup, too.
    assert_eq!(second.get("/api/v1/metrics?limit=100", &token).await, before);
    second.login(password.trim_end()).await;
    assert_eq!(second.terminate(), Some(0));
}

#[tokio::test]
async fn data_of_a_server_and_a_missing_folder_are_refused() {
    let outer = tempfile::tempdir().unwrap();
    let missing = failure(&mdl(outer.path(), &["backup", "mdl.tar.gz"]));
    assert!(missing.contains("has no database"), "{missing}");
    for name in ["backup", "restore"] {
        let mut given = command(outer.path(), &[name, "mdl.tar.gz"]);
        given.env("DATABASE_URL", database::url("none"));
        let output = run(given, "");
        assert_eq!(output.status.code(), Some(2));
        assert!(failure(&output).contains("use pg_dump and pg_restore"));
    }
    assert_eq!(names(outer.path()), [""; 0]);
}
