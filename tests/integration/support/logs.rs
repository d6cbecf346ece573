//! Captures the log of the service.

use std::io::Write;
use std::sync::{Arc, Mutex};

use slog::{Drain, Logger, o};

#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn logger(&self) -> Logger {
        let drain = Mutex::new(slog_json::Json::default(self.clone())).map(slog::Fuse);
        Logger::root(drain, o!())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Returns the log events with this message.
    pub fn events(&self, message: &str) -> Vec<serde_json::Value> {
        let mut events = self.lines();
        events.retain(|event| event["msg"] == message);
        events
    }

    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
