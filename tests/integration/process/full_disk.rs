//! The embedded database on a disk without space: the cause is named, no request takes longer than
//! one time limit, and the service recovers. It needs a small file system of its own, so it runs as
//! root on Linux; elsewhere it says loudly that nothing was tested.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::binary::{command, run};
use crate::process::logged::Logged;
use crate::support::samples::metric;

/// A time limit of calls to the database that is shorter than the default, so that the test is.
const LIMIT_MS: u64 = 5_000;

/// A mounted file system of 64 MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file until no space is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("fill")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("fill")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    slowest: Duration,
}

impl Client {
    async fn send(&mut self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let began = Instant::now();
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.json().await.unwrap();
        self.slowest = self.slowest.max(began.elapsed());
        (status, body)
    }

    async fn get(&mut self, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }
}

#[tokio::test]
async fn full_disk_is_named_and_no_request_takes_longer_than_one_limit() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT TESTED: the embedded database on a full disk (tmpfs cannot be mounted)");
        return;
    };
    let (folder, data) = (tempfile::tempdir().unwrap(), disk.path().join("data"));
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    let limit = LIMIT_MS.to_string();
    let environment = [
        ("DATA_DIR", data.to_str().unwrap()),
        ("PORT", "0"),
        ("METRICS_PORT", "0"),
        ("CIRCUIT_BREAKER_TIMEOUT", &limit),
    ];
    let mut logged = Logged::start(folder.path(), &environment);
    logged.wait_for("ready");
    let base = logged.wait_for("listening")["address"].as_str().unwrap().to_owned();
    let password = std::fs::read_to_string(data.join("first-admin-password")).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut client = Client { http, base, token: String::new(), slowest: Duration::ZERO };
    let credentials = json!({"username": "admin", "password": password.trim_end()});
    let (_, session) = client.post("/api/auth/login", &credentials).await;
    client.token = session["tokens"]["access_token"].as_str().unwrap().to_owned();
    let domain = json!({"domain_id": "d1", "name": "Finance"});
    assert_eq!(client.post("/api/v1/domains", &domain).await.0, 201);
    // The database has used its own files before; docs/known-limits.md says why that matters.
    assert_eq!(client.post("/api/v1/metrics", &metric("before")).await.0, 201);

    disk.fill();
    client.slowest = Duration::ZERO;
    let mut refused = 0;
    for number in 0..400 {
        let mut own = metric(&format!("m{number}"));
        own["description"] = "x".repeat(1900).into();
        let (status, _) = client.post("/api/v1/metrics", &own).await;
        assert!([201, 500, 503, 504].contains(&status), "{status}");
        refused += u32::from(status >= 500);
        if refused > 0 {
            client.get("/api/v1/domains?limit=9").await;
            client.get("/health/ready").await;
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk is never full");
    // Twice the limit is the bound that callers may rely on. Each request is answered within one
    // limit; the rest is for a busy machine.
    assert!(client.slowest < Duration::from_millis(LIMIT_MS * 2), "{:?}", client.slowest);
    let failure = logged.wait_for("embedded database cannot write to its disk");
    let error = failure["error"].as_str().unwrap();
    assert!(error.contains("No space left on device") && error.contains("DATA_DIR"), "{error}");

    disk.free();
    let port = client.base.rsplit_once(':').unwrap().1.to_owned();
    let (began, mut statuses) = (Instant::now(), Vec::new());
    loop {
        let mut close = command(folder.path(), &["circuits", "close", "all"]);
        close.env("DATA_DIR", &data).env("PORT", &port);
        let closed = tokio::task::spawn_blocking(move || run(close, "")).await.unwrap();
        assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
        let (status, _) = client.post("/api/v1/metrics", &metric("after")).await;
        // 504 says that the metric may have been created; it is tried again at once.
        if status == 201 || (status == 409 && statuses.contains(&504)) {
            break;
        }
        statuses.push(status);
        assert!(began.elapsed() < Duration::from_mins(2), "it does not recover: {statuses:?}");
    }
    // A check is reused for a second, so the last one may be from before.
    let recovered = Instant::now();
    while client.get("/health/ready").await.0 != 200 {
        assert!(recovered.elapsed() < Duration::from_secs(5), "not ready after it recovered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.get("/api/v1/metrics/after").await.0, 200);
    assert_eq!(logged.end("-TERM"), Some(0));
}
