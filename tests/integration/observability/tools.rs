//! Third-party servers and commands. Each server listens on a loopback port of its own and is
//! stopped when its test ends.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A server that is stopped when it is dropped.
pub struct Tool {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Tool {
    fn drop(&mut self) {
        // The process group: some tools are scripts that start the server.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// Returns a port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Tool {
    /// Starts a server on a free port and waits until it takes connections.
    fn start(command: impl Fn(u16, &Path) -> Command) -> Self {
        let mut log_text = String::new();
        // Another process may take the port in the meantime.
        for _ in 0..3 {
            let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
            let mut command = command(port, folder.path());
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            command.process_group(0);
            let child = command
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut tool = Self { child, port, folder };
            let until = Instant::now() + Duration::from_mins(2);
            while tool.child.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return tool;
                }
                assert!(Instant::now() < until, "{}", tool.log());
                std::thread::sleep(Duration::from_millis(50));
            }
            log_text = tool.log();
        }
        panic!("{log_text}");
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts moto, which implements the API of AWS.
    pub fn aws() -> Self {
        Self::start(|port, _| {
            let mut command = Command::new(python("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        })
    }

    /// Starts noida-db, which implements the API of Elasticsearch.
    pub fn elasticsearch() -> Self {
        Self::start(|port, folder| noida(Command::new(python("noida-db")), port, folder))
    }

    /// Starts noida-db at the lowest priority, to leave the processors to what is measured.
    #[allow(dead_code)] // Used by a benchmark.
    pub fn elasticsearch_low_priority() -> Self {
        Self::start(|port, folder| {
            let mut nice = Command::new("nice");
            nice.arg("-n19").arg(python("noida-db"));
            noida(nice, port, folder)
        })
    }

    /// Starts Prometheus with this configuration, and `files` in the same folder.
    pub fn prometheus(configuration: &str, files: &[(&str, &str)]) -> Self {
        Self::start(|port, folder| {
            for (name, text) in files {
                std::fs::write(folder.join(name), text).unwrap();
            }
            std::fs::write(folder.join("prometheus.yml"), configuration).unwrap();
            let mut command = Command::new(debian("prometheus"));
            command
                .current_dir(folder)
                .arg("--config.file=prometheus.yml")
                .arg("--storage.tsdb.path=data");
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--log.level=warn");
            command
        })
    }
}

fn noida(mut command: Command, port: u16, folder: &Path) -> Command {
    command.args([
        "start",
        "--only",
        "elasticsearch",
        "--elasticsearch-port",
        &port.to_string(),
        "--data-dir",
    ]);
    command.arg(folder.join("data"));
    command
}

fn python(script: &str) -> PathBuf {
    let python =
        std::env::var("MDL_TEST_PYTHON").expect("scripts/test installs what this test needs");
    Path::new(&python).with_file_name(script)
}

/// Returns the path of a program of Debian's Prometheus packages: in the folder of `scripts/test`,
/// or else the installed one.
fn debian(program: &str) -> PathBuf {
    std::env::var("MDL_TEST_PROMETHEUS")
        .map_or_else(|_| program.into(), |folder| Path::new(&folder).join(program))
}

/// Runs a program of Debian's Prometheus packages in the folder of this project.
pub fn run(program: &str, arguments: &[&str], stdin: &str) -> Output {
    use std::io::Write;
    let mut command = Command::new(debian(program));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/test installs it"));
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Fails with the output of a program, unless it succeeded.
#[track_caller]
pub fn assert_success(output: &Output) -> String {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}
