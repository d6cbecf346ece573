//! Memory of imports: it does not grow with the document.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::binary::command;
use crate::process::round_trip::{limit, write_catalogue};
use crate::support::database;

/// Runs a command and returns its stdout and its largest resident memory in MiB.
fn measured(mut command: Command) -> (String, u64) {
    let began = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        let patience = limit(metrics()).max(Duration::from_mins(10));
        assert!(began.elapsed() < patience, "too slow");
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("{command:?}: {} MiB, {:.0} s", peak / 1024, began.elapsed().as_secs_f64());
    (String::from_utf8(output.stdout).unwrap(), peak / 1024)
}

/// Number of metrics; `MDL_TEST_METRICS` sets another one.
fn metrics() -> usize {
    std::env::var("MDL_TEST_METRICS").map_or(3_000, |count| count.parse().unwrap())
}

#[tokio::test]
#[ignore = "takes minutes: scripts/test runs it alone"]
async fn memory_of_an_import_does_not_grow_with_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let mdl = |folder: &Path, arguments: &[&str]| {
        let mut command = command(folder, arguments);
        command.env("DATABASE_URL", &url);
        measured(command)
    };
    write_catalogue(&folder.path().join("small.json"), 1_000);
    write_catalogue(&folder.path().join("large.json"), metrics());
    let (_, small) = mdl(folder.path(), &["import", "small.json", "--dry-run"]);
    let (said, large) = mdl(folder.path(), &["import", "large.json", "--dry-run"]);
    assert!(said.contains(&format!("created {},", metrics() + 2)), "{said}");
    assert!(large < small + 40, "dry run: {large} MiB instead of {small}");
    let (_, large) = mdl(folder.path(), &["import", "large.json"]);
    assert!(large < small + 40, "import: {large} MiB instead of {small}");
    for format in ["yaml", "json"] {
        let file = format!("out.{format}");
        let arguments = ["export", "--format", format, "--output", &file];
        let (_, export) = mdl(folder.path(), &arguments);
        assert!(export < small + 40, "export: {export} MiB instead of {small}");
        let (said, again) = mdl(folder.path(), &["import", &file, "--dry-run"]);
        assert!(said.contains(&format!("unchanged {},", metrics() + 2)), "{said}");
        assert!(again < small + 40, "{format}: {again} MiB instead of {small}");
    }
}
