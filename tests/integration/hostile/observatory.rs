//! The grade that Mozilla's HTTP Observatory (npm) gives to pages and API behind a front that ends
//! TLS: a haproxy with a certificate of a CA of the test, which also sends browsers from HTTP to
//! HTTPS. Without our headers the grade shows that they are what is judged.
//!
//!     scripts/with-postgres cargo test --test integration hostile::observatory:: -- --ignored

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::process::haproxy::lasting_port;
use crate::support::Server;

/// A page for people, and what clients read. `/dashboard` sends visitors to the first page.
const PATHS: [&str; 6] =
    ["/", "/dashboard", "/dashboard/sign-in", "/api/v1", "/api/v1/metrics", "/health"];

#[derive(Debug, Deserialize)]
struct Report {
    grade: String,
    score: i32,
    status: u16,
    /// Whether the certificate was accepted.
    verified: bool,
    tests: Vec<Judged>,
}

#[derive(Debug, Deserialize)]
struct Judged {
    name: String,
    pass: bool,
    result: String,
    modifier: i32,
}

/// A haproxy that ends TLS, and ends with its test.
struct TlsFront {
    child: Child,
    http: u16,
    https: u16,
    folder: tempfile::TempDir,
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder);
    let output = command.output().expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a CA, and a certificate of it for `localhost`, with its key in one file.
fn certify(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(
        folder,
        &format!(
            "req -x509 {key} -subj /CN=test-ca -keyout ca.key -out ca.pem \
             -addext keyUsage=critical,keyCertSign"
        ),
    );
    openssl(
        folder,
        &format!(
            "req -x509 {key} -subj /CN=localhost -addext subjectAltName=DNS:localhost \
             -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key \
             -keyout leaf.key -out leaf.pem"
        ),
    );
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    std::fs::write(folder.join("front.pem"), read("leaf.pem") + &read("leaf.key")).unwrap();
}

impl TlsFront {
    /// Starts it in front of a server; `more` are further lines for the responses.
    async fn start(server: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let (http, https) = (lasting_port(), lasting_port());
        let server = server.trim_start_matches("http://");
        let configuration = format!(
            "defaults\n mode http\n timeout connect 2s\n timeout client 30s\n timeout server 30s\n\
             frontend plain\n bind 127.0.0.1:{http}\n \
             http-request redirect location https://localhost:{https}%[pathq] code 308\n\
             frontend tls\n bind 127.0.0.1:{https} ssl crt front.pem\n option forwardfor\n \
             {more}\n default_backend mdl\n\
             backend mdl\n server mdl {server}\n"
        );
        std::fs::write(folder.path().join("haproxy.cfg"), configuration).unwrap();
        let binary = std::env::var("MDL_TEST_HAPROXY").unwrap_or("haproxy".into());
        let mut command = Command::new(&binary);
        command.args(["-db", "-f", "haproxy.cfg"]).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{binary}: {error}; run scripts/test"));
        let front = Self { child, http, https, folder };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", https)).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "haproxy does not listen");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        front
    }

    /// Lets the Observatory judge a path.
    async fn judge(&self, path: &str) -> Report {
        let package = std::env::var("MDL_TEST_OBSERVATORY").expect("scripts/test installs it");
        let mut command = Command::new("node");
        let script = include_str!("observatory.mjs");
        command.args(["--input-type=module", "-e", script, "--", &package, "localhost"]);
        command.args([&self.http.to_string(), &self.https.to_string(), path]);
        command.env("NODE_EXTRA_CA_CERTS", self.folder.path().join("ca.pem"));
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(proxy);
        }
        // Beside the runtime, which drives the service.
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let output = output.expect("node");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        let report: Report = serde_json::from_slice(&output.stdout).expect("a report");
        assert!(report.verified, "the certificate is not trusted: {report:?}");
        report
    }
}

#[actix_web::test]
#[ignore = "needs the HTTP Observatory; scripts/test installs it and runs this alone"]
async fn pages_and_api_behind_tls_have_the_best_grade() {
    let server = Server::start().await;
    let front = TlsFront::start(&server.base, "").await;
    for path in PATHS {
        let report = front.judge(path).await;
        println!("{path}: {} ({} points), status {}", report.grade, report.score, report.status);
        for Judged { name, pass, result, modifier } in &report.tests {
            println!("    {} {name}: {result} ({modifier:+})", if *pass { "+" } else { "-" });
        }
        assert_eq!(report.grade, "A+", "{path}: {report:#?}");
        assert!(report.tests.iter().all(|test| test.pass), "{path}: {report:#?}");
    }

    let weak = "http-response del-header content-security-policy";
    let weak = TlsFront::start(&server.base, weak).await;
    let report = weak.judge("/dashboard/sign-in").await;
    println!("without a Content-Security-Policy: {} ({} points)", report.grade, report.score);
    assert!(!report.grade.starts_with('A'), "{report:#?}");
}
