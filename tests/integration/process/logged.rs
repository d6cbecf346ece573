//! A process of the binary whose log lines a test reads.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::binary::command;

/// A running `mdl serve` with JSON logs.
pub struct Logged {
    child: Child,
    out: PathBuf,
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Logged {
    /// Starts the service in this folder, with the embedded database unless `DATABASE_URL` is set.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_with(folder, &["serve"], environment)
    }

    /// Starts the service with these arguments.
    pub fn start_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let out = folder.join(format!("out-{}", rand::random::<u32>()));
        let mut serve = command(folder, arguments);
        serve.env("LOG_FORMAT", "json").env("RATE_LIMIT_ENABLED", "false");
        serve.env("SHUTDOWN_DELAY", "0");
        serve.envs(environment.iter().copied());
        serve.stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null());
        Self { child: serve.spawn().unwrap(), out }
    }

    /// Returns the lines as they were written.
    pub fn text(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.out).unwrap();
        // The last line may not be complete yet.
        let end = text.rfind('\n').map_or(0, |at| at + 1);
        text[..end].lines().map(str::to_owned).collect()
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().iter().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    /// Waits for a line with this message and returns it.
    pub fn wait_for(&mut self, message: &str) -> Value {
        let until = Instant::now() + Duration::from_mins(2);
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| line["message"] == message) {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{message}: {:#?}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal such as `-TERM`, and waits for the end.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// The same; returns the lines.
    pub fn end_with_lines(mut self, signal: &str) -> Vec<Value> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap();
        self.lines()
    }
}
