//! `docs/operations.md` followed by the letter: its commands run one after the other in a folder of
//! their own, against a real `PostgreSQL`. Stand-ins play `apt-get` and `systemctl`; the latter
//! starts the program with what the units of `deploy/systemd` say.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process::haproxy::lasting_port;
use crate::support::database;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const APT: &str = include_str!("operations/apt-get");
const SYSTEMCTL: &str = include_str!("operations/systemctl");

/// A host on which the page is followed.
struct Host {
    root: PathBuf,
    /// Keeps the folder.
    _folder: tempfile::TempDir,
    port: u16,
    http: reqwest::Client,
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.root.join("pid")) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
        }
    }
}

fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for name in ["bin", "var/backups", "etc/mdl"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let place = |text: &str| {
            text.replace("ROOT", root.to_str().unwrap()).replace("REPOSITORY", REPOSITORY)
        };
        write_program(&root.join("bin/apt-get"), &place(APT));
        write_program(&root.join("bin/systemctl"), &place(SYSTEMCTL));
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mdl"), root.join("bin/mdl")).unwrap();
        let authority = format!("{}/ca.pem", std::env::var("MDL_TEST_TLS").unwrap());
        std::fs::copy(authority, root.join("etc/mdl/db-ca.pem")).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let host = Self { root, _folder: folder, port: lasting_port(), http };
        // As an operator who needs another port writes it.
        let settings = std::fs::read_to_string(format!("{REPOSITORY}/deploy/debian/mdl.env"));
        let settings = format!("{}\nPORT={}\n", settings.unwrap(), host.port);
        std::fs::write(host.root.join("etc/mdl/mdl.env"), settings).unwrap();
        host
    }

    /// Runs a block of the page, with the paths and addresses of this host. Returns stdout.
    fn run(&self, block: &str) -> String {
        let root = self.root.to_str().unwrap();
        let address = database::cluster().rsplit_once('@').unwrap().1.to_owned();
        let (server, port) = address.split_once(':').unwrap();
        let mut text = block.to_owned();
        for (from, to) in [
            ("/etc/mdl", format!("{root}/etc/mdl")),
            ("/etc/systemd", format!("{root}/etc/systemd")),
            ("/var/backups", format!("{root}/var/backups")),
            ("tar -C / ", format!("tar -C {root} ")),
            ("/usr/share/mdl/roles.sql", format!("{REPOSITORY}/scripts/roles.sql")),
            ("db.example.com:5432", address.clone()),
            ("localhost:3000", format!("localhost:{}", self.port)),
        ] {
            text = text.replace(from, &to);
        }
        let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &text]).current_dir(root).env("PATH", path);
        shell.envs([("PGHOST", server), ("PGPORT", port), ("PGUSER", "postgres")]);
        // The service that is started keeps the files open: no pipes.
        let (out, err) = (self.root.join("out"), self.root.join("err"));
        shell.stdout(std::fs::File::create(&out).unwrap());
        shell.stderr(std::fs::File::create(&err).unwrap());
        let status = shell.status().unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let log = self.root.join("log");
        assert!(status.success(), "{text}\n{}{}", read(&err), read(&log));
        read(&out)
    }

    fn run_all(&self, blocks: &[String]) -> String {
        blocks.iter().map(|block| self.run(block)).collect()
    }

    async fn send(&self, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://localhost:{}{path}", self.port);
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let mut last = None;
        // A restart does not wait until the service listens.
        for _ in 0..200 {
            match request.try_clone().unwrap().send().await {
                Ok(answer) if answer.status() != 503 => {
                    return (answer.status().as_u16(), answer.json().await.unwrap());
                }
                outcome => last = Some(outcome.map(|answer| answer.status())),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{path}: {last:?}")
    }

    /// Logs in as the first administrator. Returns access and refresh token.
    async fn log_in(&self) -> (String, String) {
        let password = std::fs::read_to_string(self.root.join("etc/mdl/secrets/admin-password"));
        let body = json!({"username": "admin", "password": password.unwrap().trim()});
        let (status, answer) = self.send("/api/auth/login", "", Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        let text = |name: &str| answer["tokens"][name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    /// Whether the access token is accepted.
    async fn accepts(&self, token: &str) -> bool {
        self.send("/api/auth/me", token, None).await.0 == 200
    }
}

/// The blocks of indented lines of a section of the page.
fn blocks(heading: &str) -> Vec<String> {
    let page = std::fs::read_to_string(format!("{REPOSITORY}/docs/operations.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n")));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let mut blocks = vec![String::new()];
    for line in section.lines().skip(1) {
        let last = blocks.last_mut().unwrap();
        match line.strip_prefix("    ") {
            Some(command) => last.extend([command, "\n"]),
            None if line.is_empty() => {}
            None if last.is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn drop_databases() {
    let names = ["mdl", "mdl_restored", "mdl_scratch"];
    for name in names {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let server = format!("{}/postgres", database::cluster());
        let status = Command::new("psql").args(["-q", "-d", &server, "-c", &drop]).status();
        assert!(status.unwrap().success());
    }
}

#[tokio::test]
#[ignore = "creates databases and roles with fixed names; scripts/test runs it alone"]
async fn commands_of_the_page_install_upgrade_restore_and_replace_secrets() {
    drop_databases();
    let host = Host::new();
    let ready = host.run_all(&blocks("Install"));
    assert!(ready.contains(r#""status":"ready""#), "{ready}");
    let (token, _) = host.log_in().await;
    let domain = |id: &str| Some(json!({"domain_id": id, "name": id}));
    assert_eq!(host.send("/api/v1/domains", &token, domain("first")).await.0, 201);
    // The role of the service has no rights on the schema.
    let ddl = "psql -At -d \"$(cat /etc/mdl/secrets/database-url)\" -c";
    for statement in ["ALTER TABLE metrics ADD COLUMN x int", "CREATE TABLE x (y int)"] {
        host.run(&format!("! {ddl} '{statement}'"));
    }
    assert_eq!(host.run(&format!("{ddl} 'SELECT current_user'")).trim(), "mdl_service");

    let upgraded = host.run_all(&blocks("Upgrade"));
    assert!(upgraded.contains("[x] ") && !upgraded.contains("[ ] "), "{upgraded}");
    assert!(upgraded.contains(r#""status":"ready""#), "{upgraded}");
    assert!(host.accepts(&token).await);

    let seen = host.run_all(&blocks("Back up"));
    assert!(seen.starts_with("0\n20"), "{seen}");
    assert_eq!(host.send("/api/v1/domains", &token, domain("after")).await.0, 201);
    // The original is destroyed under the running service.
    host.run("psql -q -d postgres -c 'DROP DATABASE mdl WITH (FORCE)'");
    host.run_all(&blocks("Restore"));
    assert!(host.accepts(&token).await);
    assert_eq!(host.send("/api/v1/domains/first", &token, None).await.0, 200);
    assert_eq!(host.send("/api/v1/domains/after", &token, None).await.0, 404);
    assert_eq!(host.send("/api/v1/domains", &token, domain("again")).await.0, 201);

    let steps = blocks("Replace secrets");
    let [accept, swap, finish, password] = steps.as_slice() else { panic!("{steps:?}") };
    host.run(accept);
    assert!(host.accepts(&token).await);
    let (during, refresh) = host.log_in().await;
    host.run(swap);
    assert!(host.accepts(&token).await && host.accepts(&during).await);
    let body = Some(json!({"refresh_token": refresh}));
    let (status, refreshed) = host.send("/api/auth/refresh", "", body).await;
    assert_eq!(status, 200, "{refreshed}");
    let (new, _) = host.log_in().await;
    host.run(finish);
    assert!(host.accepts(&new).await && !host.accepts(&token).await);
    assert!(!host.accepts(&during).await);
    host.run(password);
    assert!(host.accepts(&new).await);

    let [off, on] = &blocks("Switches")[..] else { panic!("two blocks") };
    let limited = async || {
        let url = format!("http://localhost:{}/api/v1/metrics", host.port);
        host.accepts(&new).await;
        let answer = host.http.get(url).bearer_auth(&new).send().await.unwrap();
        answer.headers().contains_key("ratelimit-policy")
    };
    assert!(limited().await);
    host.run(off);
    assert!(!limited().await);
    host.run(on);
    assert!(limited().await);
    host.run("systemctl stop mdl");
    drop_databases();
}

#[test]
fn blocks_of_the_page_are_found() {
    assert_eq!(blocks("Switches").len(), 2);
    assert_eq!(blocks("Replace secrets").len(), 4);
    assert!(blocks("Install")[0].starts_with("apt-get install"));
    assert!(blocks("Upgrade").iter().all(|block| !block.contains("Read the")));
}
