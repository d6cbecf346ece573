//! A rolling upgrade from an earlier version, and back: both versions beside each other on one
//! database, behind a real haproxy. No request fails, and each write is stored once.
//! `scripts/rolling-upgrade` builds the earlier version; its path is in `MDL_TEST_PREVIOUS`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::process::binary::{Serving, command_of, run, success};
use crate::process::haproxy::{HaProxy, lasting_port};
use crate::process::rolling_restart::{
    Unit, assert_no_failures, start_as, start_clients, stop_under_load,
};
use crate::process::steady_clients::{Load, now};
use crate::support::database;

/// Fewest writes while the versions are as they are.
const WRITES: usize = 100;

fn previous() -> PathBuf {
    std::env::var_os("MDL_TEST_PREVIOUS").expect("run scripts/rolling-upgrade").into()
}

/// Runs `mdl migrate` of a version. Returns what it prints.
fn migrate(program: &Path, folder: &Path, url: &str) -> String {
    let mut command = command_of(program, folder, &["migrate"]);
    command.env("DATABASE_URL", url);
    success(&run(command, ""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an earlier version: scripts/rolling-upgrade"]
async fn rolling_upgrade_and_rollback_fail_no_request() {
    let (previous, present) = (previous(), PathBuf::from(env!("CARGO_BIN_EXE_mdl")));
    let (folder, url) = (tempfile::tempdir().unwrap(), database::empty().await);
    let folder = folder.path();
    migrate(&previous, folder, &url);
    let ports = [lasting_port(), lasting_port()];
    let start = async |program: &Path, port| -> Serving {
        start_as(command_of(program, folder, &["serve"]), folder, &url, port).await
    };
    let mut processes = [start(&previous, ports[0]).await, start(&previous, ports[1]).await];
    let (proxy, load) = (HaProxy::start(ports, &[]).await, Arc::new(Load::default()));
    let clients = start_clients(&processes[0], &proxy, &load).await;
    load.wait_for_writes(WRITES).await;
    println!("migrating at {}", now());
    let migrated = migrate(&present, folder, &url);
    println!("{} lines: {}", migrated.lines().count(), migrated.replace('\n', ", "));
    load.wait_for_writes(WRITES).await;
    // Both are upgraded; one goes back, on the new schema, and is upgraded again.
    for (index, program) in [(0, &present), (1, &present), (0, &previous), (0, &present)] {
        let (process, name) = (&mut processes[index], ["mdl1", "mdl2"][index]);
        stop_under_load(process, &proxy, name, Unit::Requests).await;
        *process = start(program, ports[index]).await;
        println!("{name}: {} is ready at {}", program.display(), now());
        proxy.until(name, |row| row["status"] == "UP").await;
        Unit::Requests.wait_for_work(&proxy, name).await;
        load.wait_for_writes(WRITES).await;
    }
    assert_no_failures(clients, &load, &proxy, &url).await;
}
