//! The commands of the runbooks run as they stand there, and answer as the pages say.

use std::path::Path;
use std::process::{Command, Output};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, run as run_to_end};
use crate::process::haproxy::lasting_port;
use crate::process::logged::Logged;
use crate::support::{Server, database};

/// What commands begin with that look at an instance, and what each then prints; the first that
/// fits counts.
const ANSWERS: [(&str, &str); 12] = [
    ("mdl circuits --json", "\"breakers\""),
    ("mdl circuits", "CIRCUIT"),
    ("mdl healthcheck --ready", "ok"),
    ("mdl migrate --status", "[x]"),
    ("curl -s localhost:3000/health/live", "\"status\""),
    ("curl -s localhost:3000/health/ready", "\"checks\""),
    ("curl -s localhost:9090/metrics", "# HELP"),
    ("curl -s \"localhost:3000/api/v1/audit?action=api_key.revoked\"", "\"pagination\""),
    ("curl -s \"localhost:3000/api/v1/audit?action=login.failed", "login.failed"),
    ("curl -s \"localhost:3000/api/v1/audit?limit=100\"", "session.started"),
    ("jq -r 'select(.message == \"request\" and .status == 401)", "127.0.0.1"),
    ("df -h . /var/lib/postgresql", "Filesystem"),
];
/// Commands that other tests run, and which.
const ELSEWHERE: [(&str, &str); 8] = [
    ("psql -c ", "queries_of_the_runbooks_run"),
    ("openssl s_client -starttls postgres", "the test of the certificate below"),
    ("openssl s_client -starttls smtp", "none: it needs a mail server with TLS"),
    ("createdb mdl_restored", "process::dump_restore"),
    ("pg_restore --exit-on-error", "process::dump_restore"),
    ("DATABASE_URL=postgres://mdl_owner", "process::database_roles"),
    ("psql -v ON_ERROR_STOP=1 -f scripts/roles.sql", "process::database_roles"),
    ("find DATA_DIR/postgres", "none: it repairs what a full disk has left behind"),
];
const PROGRAMS: [&str; 11] = [
    "mdl ",
    "curl ",
    "jq ",
    "df ",
    "psql ",
    "openssl ",
    "createdb ",
    "pg_restore ",
    "find ",
    "DATABASE_URL=",
    "docker ",
];

/// Returns the indented lines of all runbooks that begin with this.
fn commands(beginning: &str) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
    let mut pages: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort_unstable();
    let pages = pages.into_iter().map(|page| std::fs::read_to_string(page).unwrap());
    let lines = |page: String| {
        let indented = page.lines().filter(|line| line.starts_with("    "));
        indented.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    pages.flat_map(lines).filter(|line| line.starts_with(beginning)).collect()
}

/// Runs a line in a shell whose libpq settings lead to this database. Returns stdout.
fn run(line: &str, url: &str) -> String {
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", line]);
    shell.envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", user), ("PGDATABASE", name)]);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[actix_web::test]
async fn queries_of_the_runbooks_run() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let queries = commands("psql -c ");
    assert!(queries.len() >= 3, "{queries:?}");
    for query in queries {
        let rows = run(&query, &url);
        assert!(rows.contains("row"), "{query}: {rows}");
    }
}

#[test]
fn command_that_shows_the_certificate_of_the_database_shows_it() {
    let command = commands("openssl s_client -starttls postgres");
    let [command] = command.as_slice() else { panic!("{command:?}") };
    let address = database::cluster().rsplit_once('@').unwrap().1.to_owned();
    let command = command.replace("db.example.com:5432", &address);
    assert!(command.contains(&address), "{command}");
    let shown = run(&command, &format!("{}/postgres", database::cluster()));
    assert!(shown.contains("CN = localhost") || shown.contains("CN=localhost"), "{shown}");
    assert!(shown.contains("notAfter="), "{shown}");
}

/// A new command in a runbook needs a test.
#[test]
fn each_command_of_the_runbooks_is_run_by_a_test() {
    let known = |line: &str| {
        let mut beginnings = ANSWERS.iter().chain(&ELSEWHERE).map(|(beginning, _)| *beginning);
        beginnings.any(|beginning| line.starts_with(beginning))
    };
    let mut unknown = PROGRAMS.iter().flat_map(|program| commands(program)).collect::<Vec<_>>();
    assert!(unknown.len() > 30, "{unknown:?}");
    unknown.retain(|line| !known(line));
    assert!(unknown.is_empty(), "{unknown:#?}");
    for (beginning, _) in ANSWERS.iter().chain(&ELSEWHERE) {
        assert!(!commands(beginning).is_empty(), "no runbook has {beginning}");
    }
}

/// Runs a line as an operator on the host of the instance, in its folder.
fn on_host(folder: &Path, line: &str, ports: &[String; 2], more: &[(&str, &str)]) -> Output {
    let line = line.replace("localhost:3000", &format!("127.0.0.1:{}", ports[0]));
    let line = line.replace("localhost:9090", &format!("127.0.0.1:{}", ports[1]));
    let programs = Path::new(env!("CARGO_BIN_EXE_mdl")).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-c", &line]).env_clear().current_dir(folder);
    shell.env("PATH", path).env("PORT", &ports[0]).envs(more.iter().copied());
    run_to_end(shell, "")
}

async fn log_in(base: &str, password: &str) -> serde_json::Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = serde_json::json!({"username": "admin", "password": password});
    let request = http.post(format!("{base}/api/auth/login")).json(&body);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_runbooks_answer_as_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::service_url(&database::fresh().await);
    let ports = [lasting_port(), lasting_port()].map(|port| port.to_string());
    let variables = [SECRETS[0], SECRETS[1], ("DATABASE_URL", url.as_str())];
    let own =
        [("ADMIN_PASSWORD", ADMIN_PASSWORD), ("PORT", &ports[0]), ("METRICS_PORT", &ports[1])];
    let mut service = Logged::start(folder.path(), &[&variables[..], &own].concat());
    service.wait_for("ready");
    let base = format!("http://127.0.0.1:{}", ports[0]);
    log_in(&base, "wrong").await;
    let token = log_in(&base, ADMIN_PASSWORD).await;
    let token = token["tokens"]["access_token"].as_str().unwrap();
    let shell = [&variables[..], &[("TOKEN", token)]].concat();
    // Refusals are counted first and written a moment later.
    let began = std::time::Instant::now();
    let refusals = "curl -s \"localhost:3000/api/v1/audit?action=login.failed\" \
                    -H \"Authorization: Bearer $TOKEN\"";
    loop {
        let shown = on_host(folder.path(), refusals, &ports, &shell).stdout;
        if String::from_utf8_lossy(&shown).contains("\"login.failed\"") {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_mins(2), "the refusal is not audited");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    std::fs::write(folder.path().join("mdl.log"), service.text().join("\n")).unwrap();
    let mut count = 0;
    for program in PROGRAMS {
        for line in commands(program) {
            let answer = ANSWERS.iter().find(|(beginning, _)| line.starts_with(beginning));
            let Some((_, expected)) = answer else { continue };
            let typed = line.replace("/var/lib/postgresql", "/var");
            let output = on_host(folder.path(), &typed, &ports, &shell);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let failed = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(text.contains(expected), "{line}: {text}{failed}");
            // An isolated circuit is the state 3, which the page says.
            assert!(matches!(output.status.code(), Some(0 | 3)), "{line}: {text}{failed}");
            count += 1;
        }
    }
    let over = "mdl circuits reset all --reason \"restore is over\"";
    assert!(commands("mdl circuits reset all").contains(&over.to_owned()));
    assert_eq!(on_host(folder.path(), over, &ports, &shell).status.code(), Some(0));
    let status = on_host(folder.path(), "mdl circuits status", &ports, &shell);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    println!("{count} commands");
}
