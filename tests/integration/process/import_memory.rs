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

/// Makes so many further versions of every metric, as the service would write them.
async fn change_all(url: &str, versions: usize) {
    let statement = format!(
        "DO $$ BEGIN FOR round IN 1..{versions} LOOP
            WITH changed AS (
                UPDATE metrics SET version = '1.0.' || revision, revision = revision + 1,
                    updated_at = clock_timestamp(), tags = jsonb_build_array(round::text)
                RETURNING metric_id, version, revision
            )
            INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by,
                change_type, fields_changed, changes_summary)
            SELECT metric_id, revision, version, clock_timestamp(), 'admin', 'update', '[]', 'x'
            FROM changed;
        END LOOP; END $$"
    );
    database::sql(url, &statement).await;
}

#[tokio::test]
#[ignore = "takes minutes: scripts/test runs it alone"]
async fn memory_of_versions_does_not_grow_with_their_number() {
    const METRICS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    write_catalogue(&folder.path().join("all.json"), METRICS);
    let first = database::fresh().await;
    let mdl = |url: &str, arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("DATABASE_URL", url);
        measured(command)
    };
    mdl(&first, &["import", "all.json"]);
    let mut peaks = Vec::new();
    for (name, further) in [("few.jsonl", 2), ("many.jsonl", 40)] {
        change_all(&first, further).await;
        let (_, export) = mdl(&first, &["export", "--versions", "-o", name]);
        let (said, import) = mdl(&database::fresh().await, &["import", name]);
        assert!(said.contains(&format!("metrics {METRICS}, domains 2")), "{said}");
        let length = std::fs::metadata(folder.path().join(name)).unwrap().len();
        println!("{name}: {} MiB", length / 1024 / 1024);
        peaks.push((export, import));
    }
    let [few, many] = peaks[..] else { panic!("{peaks:?}") };
    assert!(many.0 < few.0 + 30 && many.1 < few.1 + 40, "{many:?} MiB instead of {few:?}");
}
