//! Processes of the binary, which end with their test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const SECRETS: [(&str, &str); 2] = [
    ("JWT_SECRET", "only-for-tests-0123456789abcdef-access"),
    ("JWT_REFRESH_SECRET", "only-for-tests-0123456789abcdef-refresh"),
];
pub const ADMIN_PASSWORD: &str = "an horse of correct battery";

/// Returns a command of the binary with an empty environment.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    command_of(Path::new(env!("CARGO_BIN_EXE_mdl")), folder, arguments)
}

/// Returns a command of another binary of the service with an empty environment.
pub fn command_of(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end with this stdin; kills it after a minute.
pub fn run(command: Command, stdin: &str) -> Output {
    run_within(Duration::from_mins(1), command, stdin)
}

/// Runs a command to its end with this stdin; kills it after this time.
pub fn run_within(limit: Duration, mut command: Command, stdin: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let (pid, (done, ended)) = (child.id().to_string(), std::sync::mpsc::channel::<()>());
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    watch.join().unwrap();
    output
}

/// Returns the stdout of a command; asserts that it succeeded.
#[track_caller]
pub fn success(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the stderr of a command; asserts that it failed.
#[track_caller]
pub fn failure(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running service.
pub struct Serving {
    pub child: Child,
    pub base: String,
    pub http: reqwest::Client,
    stderr: std::path::PathBuf,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Starts `mdl serve` with JSON logs on a free port, unless `PORT` is set, and waits until it
    /// is ready.
    pub async fn start(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let command = command(folder, &[&["serve"], arguments].concat());
        Self::start_as(command, folder, environment).await
    }

    /// The same with a command that serves.
    pub async fn start_as(
        mut command: Command,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        let stderr = folder.join(format!("stderr-{}", rand::random::<u32>()));
        command
            .env("RATE_LIMIT_ENABLED", "false")
            .env("SHUTDOWN_DELAY", "0")
            .env("PORT", "0")
            .envs(environment.iter().copied())
            .env("LOG_FORMAT", "json")
            .env("WORKERS", "2")
            .env("METRICS_PORT", "0");
        command.stdout(Stdio::piped()).stderr(std::fs::File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                (line["message"] == "listening")
                    .then(|| line["address"].as_str().unwrap().to_owned())
            })
            .expect("an address");
        // Reads on, because the service would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let serving = Self { child, base, http, stderr };
        serving.ready().await;
        serving
    }

    async fn ready(&self) {
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until {
            let answer = self.http.get(format!("{}/health/ready", self.base)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {}", self.stderr());
    }

    /// Returns what it wrote to stderr.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    pub async fn login(&self, password: &str) -> String {
        let body = serde_json::json!({"username": "admin", "password": password});
        let answer = self
            .http
            .post(format!("{}/api/auth/login", self.base))
            .json(&body)
            .send()
            .await
            .unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        answer["tokens"]["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub async fn get(&self, path: &str, token: &str) -> serde_json::Value {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(token);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let (name, pid) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
    }

    /// Waits until it accepts no further connection.
    pub async fn until_refusing(&self) {
        let address = self.base.trim_start_matches("http://");
        let until = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            assert!(Instant::now() < until, "it still accepts connections");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends SIGTERM; returns the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it has ended; returns the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + Duration::from_secs(40);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not stop");
    }
}

/// Starts a service and returns its first log line with this message; then kills it.
pub fn first_line(folder: &Path, url: &str, message: &str) -> serde_json::Value {
    let out = folder.join("out");
    let mut serve = command(folder, &["serve"]);
    serve.envs(SECRETS).env("DATABASE_URL", url).env("ADMIN_PASSWORD", ADMIN_PASSWORD);
    serve.env("PORT", "0").env("METRICS_PORT", "0").env("LOG_FORMAT", "json");
    let mut child = serve
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let until = Instant::now() + Duration::from_mins(1);
    let found = loop {
        let text = std::fs::read_to_string(&out).unwrap();
        let mut lines =
            text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        if let Some(line) = lines.find(|line| line["message"] == message) {
            break line;
        }
        assert!(Instant::now() < until, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    found
}
