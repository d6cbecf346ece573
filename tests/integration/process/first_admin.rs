//! The first administrator: where its password is shown or written.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Returns stdout of a process without a terminal as soon as a line has this message.
fn serve_until(
    folder: &Path,
    environment: &[(&str, &str)],
    message: &str,
) -> (std::process::Child, Vec<Value>) {
    let out = folder.join("out");
    let mut serve = command(folder, &["serve"]);
    serve
        .envs(environment.iter().copied())
        .env("PORT", "0")
        .env("METRICS_PORT", "0")
        .env("LOG_FORMAT", "json");
    let mut child =
        serve.stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let text = std::fs::read_to_string(&out).unwrap();
        let lines: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.iter().any(|line| line["message"] == message) {
            return (child, lines);
        }
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < until, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn generated_password_goes_to_a_private_file_and_into_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, lines) = serve_until(folder.path(), &[("LOG_LEVEL", "trace")], "ready");
    let file = folder.path().join("data/first-admin-password");
    let password = std::fs::read_to_string(&file).unwrap();
    assert_eq!((mode(&file), mode(&folder.path().join("data"))), (0o600, 0o700));
    assert_eq!(password.trim_end().len(), 24);
    assert!(
        !std::fs::read_to_string(folder.path().join("out")).unwrap().contains(password.trim_end())
    );
    let line =
        lines.iter().find(|line| line["file"].is_string()).expect("a line that names the file");
    assert!(line["file"].as_str().unwrap().ends_with("data/first-admin-password"), "{line}");
    let listening = lines.iter().find(|line| line["message"] == "listening").unwrap();
    let body = serde_json::json!({"username": "admin", "password": password.trim_end()});
    let login = format!("{}/api/auth/login", listening["address"].as_str().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = http.post(login).json(&body).send().await.unwrap().status();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status, 200);
}

#[test]
fn generated_password_is_shown_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    // Gives the service a terminal for stderr only, and copies that to stdout.
    let python = "import os, pty, subprocess, sys
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=open('out', 'w'), \
stderr=slave)
os.close(slave)
shown = b''
while b'password ' not in shown or not shown.endswith(b'\\n\\r\\n'):
    shown += os.read(master, 1000)
child.terminate()
child.wait()
print(shown.decode())";
    let mut script = std::process::Command::new("python3");
    script
        .args(["-c", python, env!("CARGO_BIN_EXE_mdl"), "serve"])
        .current_dir(folder.path())
        .env_clear();
    script.env("PATH", std::env::var("PATH").unwrap()).env("PORT", "0").env("METRICS_PORT", "0");
    let mut child = script.env("LOG_FORMAT", "json").stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdout, pid) = (child.stdout.take().unwrap(), child.id().to_string());
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(Duration::from_mins(1)).is_err() {
            let _ = std::process::Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    let mut shown = String::new();
    stdout.read_to_string(&mut shown).unwrap();
    assert!(child.wait().unwrap().success());
    let _ = done.send(());
    watch.join().unwrap();
    let line =
        shown.lines().find(|line| line.trim_start().starts_with("password")).expect("a password");
    let password = line.split_whitespace().nth(1).unwrap();
    assert_eq!(password.len(), 24, "{shown}");
    assert!(!folder.path().join("data/first-admin-password").exists());
    assert!(!std::fs::read_to_string(folder.path().join("out")).unwrap().contains(password));
}

#[tokio::test]
async fn external_database_needs_a_configured_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::fresh().await;
    let environment = [&SECRETS[..], &[("DATABASE_URL", url.as_str())]].concat();
    let (mut child, lines) =
        serve_until(folder.path(), &environment, "service cannot become ready");
    child.kill().unwrap();
    child.wait().unwrap();
    let line = lines.iter().find(|line| line["level"] == "error").expect("an error");
    assert!(
        line["error"].as_str().unwrap().contains("set ADMIN_PASSWORD or ADMIN_PASSWORD_FILE"),
        "{line}"
    );
    assert!(lines.iter().all(|line| line["message"] != "ready"));
    let users = "SELECT count(*) FROM users";
    assert_eq!(crate::support::database::sql(&url, users).await, [["0"]]);
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{ADMIN_PASSWORD}\n")).unwrap();
    let environment =
        [&environment[..], &[("ADMIN_PASSWORD_FILE", file.to_str().unwrap())]].concat();
    let serving = Serving::start(folder.path(), &environment, &[]).await;
    serving.login(ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn registered_user_does_not_prevent_the_first_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::fresh().await;
    let register = |name: &str| {
        format!(
            "INSERT INTO users (user_id, username, email, full_name, password_hash, role, status, \
             created_at, updated_at)
             VALUES (gen_random_uuid(), '{name}', '{name}@example.com', 'V', 'x', 'viewer', \
             'active', now(), now())"
        )
    };
    crate::support::database::sql(&url, &register("eve")).await;
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", url.as_str()), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]]
            .concat();
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    serving.login(ADMIN_PASSWORD).await;
    serving.terminate();
    // A registered user has the name: the operator gets a message, and no user becomes
    // administrator.
    let url = crate::support::database::fresh().await;
    crate::support::database::sql(&url, &register("admin")).await;
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", url.as_str()), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]]
            .concat();
    let (mut child, lines) =
        serve_until(folder.path(), &environment, "service cannot become ready");
    child.kill().unwrap();
    child.wait().unwrap();
    let line = lines.iter().find(|line| line["level"] == "error").expect("an error");
    assert!(line["error"].as_str().unwrap().contains("ADMIN_USERNAME"), "{line}");
}
