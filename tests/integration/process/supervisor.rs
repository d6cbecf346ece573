//! Notifications to systemd, received by a socket of the test: `READY`, `WATCHDOG`, `STOPPING`.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::process::binary::command;
use crate::support::database;

/// A process that a supervisor started; it is killed with its test.
struct Supervised {
    child: Child,
    socket: UnixDatagram,
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Supervised {
    /// Starts the service on a database that refuses connections: it is to be started all the same.
    fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut serve = command(folder, &["serve"]);
        let url = "postgres://mdl@127.0.0.1:1/mdl";
        serve.envs(crate::process::binary::SECRETS).env("DATABASE_URL", url);
        serve.env("ADMIN_PASSWORD", crate::process::binary::ADMIN_PASSWORD);
        serve.env("PORT", "0").env("METRICS_PORT", "0").env("SHUTDOWN_DELAY", "0");
        serve.env("NOTIFY_SOCKET", &path).envs(variables.iter().copied());
        serve.stdout(std::fs::File::create(folder.join("out")).unwrap());
        Self { child: serve.spawn().unwrap(), socket }
    }

    /// Waits for the next notification.
    fn next(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.socket.recv(&mut buffer).expect("a notification");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

#[test]
fn supervisor_knows_when_the_service_listens_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Supervised::start(folder.path(), &[]);
    let ready = process.next();
    let address = ready.strip_prefix("READY=1\nSTATUS=listening on http://").expect(&ready).trim();
    assert!(std::net::TcpStream::connect(address).is_ok(), "{ready}");
    process.signal("-TERM");
    assert_eq!(process.next(), "STOPPING=1\nSTATUS=finishing requests\n");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    process.socket.set_nonblocking(true).unwrap();
    assert!(process.socket.recv(&mut [0; 64]).is_err(), "a watchdog that was not asked for");
}

#[test]
fn watchdog_is_notified_until_the_process_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let process = Supervised::start(folder.path(), &[("WATCHDOG_USEC", "600000")]);
    assert!(process.next().starts_with("READY=1\n"));
    let began = Instant::now();
    for _ in 0..4 {
        assert_eq!(process.next(), "WATCHDOG=1\n");
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    process.signal("-STOP");
    // What was sent before.
    process.socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    while process.socket.recv(&mut [0; 64]).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "a stopped process still notifies");
    }
    process.signal("-CONT");
}

#[tokio::test]
async fn service_runs_although_the_supervisor_has_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let missing = folder.path().join("missing");
    let environment = [
        &crate::process::binary::SECRETS[..],
        &[
            ("DATABASE_URL", url.as_str()),
            ("ADMIN_PASSWORD", crate::process::binary::ADMIN_PASSWORD),
            ("NOTIFY_SOCKET", missing.to_str().unwrap()),
        ],
    ];
    let environment = environment.concat();
    let mut serving =
        crate::process::binary::Serving::start(folder.path(), &environment, &[]).await;
    assert_eq!(serving.terminate(), Some(0));
}
