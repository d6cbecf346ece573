//! A mail server that keeps what it is sent, and the tokens in mails.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs aiosmtpd, which stores mails in a maildir.
pub struct MailServer {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MailServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let python = std::env::var("MDL_TEST_PYTHON")
            .expect("run the tests with scripts/test, which installs aiosmtpd");
        let child = Command::new(python)
            .args([
                "-m",
                "aiosmtpd",
                "-n",
                "-l",
                &format!("127.0.0.1:{port}"),
                "-c",
                "aiosmtpd.handlers.Mailbox",
            ])
            .arg(folder.path().join("mail"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the mail server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, port, folder }
    }

    pub fn mails(&self) -> Vec<String> {
        texts(&self.folder.path().join("mail/new"))
    }
}

pub fn texts(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
    files.sort_by_key(|file| file.metadata().unwrap().modified().unwrap());
    // Long lines are folded by quoted-printable.
    let text = |file: &std::fs::DirEntry| {
        std::fs::read_to_string(file.path()).unwrap().replace("=\r\n", "").replace("=\n", "")
    };
    files.iter().map(text).collect()
}

/// Waits until so many mails have arrived.
pub async fn arrived(count: usize, mails: impl Fn() -> Vec<String>) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(10);
    // A file exists before its text is written.
    while mails().iter().filter(|mail| mail.contains("\"token\": \"")).count() < count {
        assert!(Instant::now() < until, "{} mails of {count}", mails().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    mails()
}

pub fn token_in(mail: &str) -> String {
    let (_, rest) = mail.split_once("\"token\": \"").expect("a token");
    rest.split('"').next().unwrap().to_owned()
}
