//! `scripts/release`: what a trial of a release makes, and what is refused. The bill of materials
//! needs a tool that takes minutes to build, so it is left out.

use std::path::Path;
use std::process::{Command, Output};

use crate::process::binary::{failure, success};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

fn release(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(format!("{REPOSITORY}/scripts/release"));
    command.args(arguments).env("MDL_RELEASE", folder.join("artefacts"));
    command.output().unwrap()
}

fn shell(folder: &Path, script: &str) -> String {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    success(&command.output().unwrap())
}

#[test]
fn trial_of_a_release_makes_artefacts_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state =
        || shell(Path::new(REPOSITORY), "git status --porcelain; git tag; git rev-parse HEAD");
    let before = state();
    let said = success(&release(folder.path(), &["99.0.0", "--without-sbom"]));
    assert!(said.contains("dry run: nothing was committed"), "{said}");
    assert_eq!(state(), before);
    let made = folder.path().join("artefacts");
    shell(&made, "sha256sum --check --quiet SHA256SUMS && grep -q tar.gz SHA256SUMS");
    let changes = std::fs::read_to_string(made.join("CHANGES.md")).unwrap();
    assert!(changes.contains("### ") && !changes.contains("## ["), "{changes}");
    let versions = shell(
        &made,
        "tar -xzf mdl-99.0.0.tar.gz && cd mdl-99.0.0 && grep -m 1 '^version' Cargo.toml && \
         grep -A 1 '^name = \"mdl\"' Cargo.lock && grep '\"version\": \"99' docs/openapi.json && \
         grep '^## ' CHANGELOG.md",
    );
    let lines: Vec<&str> = versions.lines().map(str::trim).collect();
    let number = "version = \"99.0.0\"";
    assert_eq!(lines[..4], [number, "name = \"mdl\"", number, "\"version\": \"99.0.0\""]);
    assert!(lines[4] == "## [Unreleased]" && lines[5].starts_with("## [99.0.0] - 20"), "{lines:?}");
}

#[test]
fn unsuitable_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let present = env!("CARGO_PKG_VERSION");
    let cases = [
        (&["1.2"][..], "usage"),
        (&[], "usage"),
        (&["0.0.1"], "is not newer than"),
        (&[present], "is not newer than"),
        (&["99.0.0", "--invented"], "unknown option"),
        (&["99.0.0", "--without-sbom", "--commit"], "has a bill of materials"),
    ];
    for (arguments, expected) in cases {
        let message = failure(&release(folder.path(), arguments));
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert!(!folder.path().join("artefacts").exists());
}
