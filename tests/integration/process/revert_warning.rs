//! `mdl migrate --revert` warns about migrations that protect the audit log.

use crate::process::binary::{command, run, success};
use crate::support::database;

#[tokio::test]
async fn revert_of_the_append_only_triggers_prints_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let protected = "SELECT count(*) > 0 FROM pg_trigger WHERE tgname = 'audit_events_append_only'";
    let mut warnings = String::new();
    while database::sql(&url, protected).await == [["t"]] {
        let mut revert = command(folder.path(), &["migrate", "--revert"]);
        revert.env("DATABASE_URL", &url);
        let output = run(revert, "");
        assert!(success(&output).starts_with("reverted "));
        warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    assert!(
        warnings.contains("warning") && warnings.contains("audit log"),
        "no warning: {warnings:?}"
    );
}
