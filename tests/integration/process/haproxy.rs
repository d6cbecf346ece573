//! A real haproxy with the configuration that operators are given (`deploy/haproxy`), on free
//! ports, and what it knows of its servers.

use std::collections::HashMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The configuration, as it is in the repository.
pub fn configuration() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/haproxy.cfg");
    std::fs::read_to_string(path).unwrap()
}

/// Returns a free port that the kernel gives to no outgoing connection: a server that is started
/// again on it finds it free.
pub fn lasting_port() -> u16 {
    for _ in 0..1000 {
        let port = rand::random::<u16>() % 10_000 + 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// A running haproxy, which ends with its test.
pub struct HaProxy {
    child: Child,
    pub base: String,
    folder: tempfile::TempDir,
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HaProxy {
    /// Starts it in front of two servers, and waits until it has checked both. `changes` are made
    /// to its configuration first.
    pub async fn start(servers: [u16; 2], changes: &[(&str, &str)]) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), lasting_port());
        let socket = folder.path().join("admin.sock");
        let bind = format!("bind 127.0.0.1:{port}");
        let servers = servers.map(|port| format!("127.0.0.1:{port}"));
        let places = [
            ("bind :80", bind.as_str()),
            ("/run/haproxy/admin.sock", socket.to_str().unwrap()),
            ("10.0.0.11:3000", &servers[0]),
            ("10.0.0.12:3000", &servers[1]),
        ];
        let mut configuration = configuration();
        for (from, to) in places.iter().chain(changes) {
            assert_eq!(configuration.matches(from).count(), 1, "{from}");
            configuration = configuration.replace(from, to);
        }
        let (path, log) = (folder.path().join("haproxy.cfg"), folder.path().join("log"));
        std::fs::write(&path, configuration).unwrap();
        let binary = std::env::var("MDL_TEST_HAPROXY").unwrap_or("haproxy".into());
        let mut command = Command::new(&binary);
        command.arg("-db").arg("-f").arg(path);
        command.stdout(std::fs::File::create(&log).unwrap()).stdin(Stdio::null());
        command.stderr(std::fs::File::create(folder.path().join("err")).unwrap());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{binary}: {error}; run scripts/test"));
        let mut proxy = Self { child, base: format!("http://127.0.0.1:{port}"), folder };
        let began = Instant::now();
        while !socket.exists() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < Duration::from_secs(30),
                "{}",
                proxy.log()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        for server in ["mdl1", "mdl2"] {
            proxy.until(server, |row| row["status"] == "UP" && row["check_status"] == "L7OK").await;
        }
        proxy
    }

    /// Returns what it has logged: each change of a server's state.
    pub fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        format!("{}{}", read("log"), read("err"))
    }

    /// Returns the columns of a server in `show stat`, by their names.
    pub async fn server(&self, name: &str) -> HashMap<String, String> {
        let socket = self.folder.path().join("admin.sock");
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream.write_all(b"show stat\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let mut lines = text.trim_start_matches("# ").lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let row = lines.find(|line| line.split(',').nth(1) == Some(name)).unwrap();
        let values = row.split(',').map(str::to_owned);
        names.into_iter().map(str::to_owned).zip(values).collect()
    }

    /// Waits until this holds for a server.
    pub async fn until(&self, name: &str, holds: impl Fn(&HashMap<String, String>) -> bool) {
        let began = Instant::now();
        loop {
            let row = self.server(name).await;
            if holds(&row) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{row:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// Returns a number of `show stat`.
pub fn number(row: &HashMap<String, String>, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}
