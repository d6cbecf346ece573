//! `mdl import --url` and `mdl export --url` with services that are busy, older, broken or
//! something else, and imports in several parts.

use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::process::binary::{
    ADMIN_PASSWORD, SECRETS, Serving, command, failure, run, run_within, success,
};
use crate::process::round_trip::{LIMIT, write_catalogue};
use crate::support::database;

/// What a false service answers to the first, the second … request; the last one to all further.
pub struct FalseService {
    pub base: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl FalseService {
    pub async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(String::from_utf8(head).unwrap());
                    seen.len() - 1
                };
                let answer = answers.get(number).or(answers.last()).unwrap();
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
                // The body of the request, which would reset the connection otherwise.
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
        });
        Self { base, heads }
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub async fn mdl(&self, folder: &Path, arguments: &[&str], token: &str) -> Output {
        let mut command = command(folder, &[arguments, &["--url", &self.base]].concat());
        command.env("MDL_TOKEN", token);
        tokio::task::spawn_blocking(move || run(command, "")).await.unwrap()
    }
}

pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

pub fn error(status: &str, headers: &str, code: &str) -> String {
    let body = format!(r#"{{"success":false,"error":{{"code":"{code}","message":"No."}}}}"#);
    answer(status, &format!("Content-Type: application/json\r\n{headers}"), &body)
}

pub const YAML: &str = "Content-Type: application/yaml\r\n";
pub const EMPTY: &str = "domains: []\nmetrics: []\n";

#[tokio::test(flavor = "multi_thread")]
async fn client_waits_as_long_as_the_service_asks() {
    let folder = tempfile::tempdir().unwrap();
    let service = FalseService::start(vec![
        error("429 Too Many Requests", "Retry-After: 1\r\n", "RATE_LIMIT_EXCEEDED"),
        error("503 Service Unavailable", "Retry-After: 0\r\n", "OVERLOADED"),
        answer("200 OK", YAML, EMPTY),
    ])
    .await;
    let output = service.mdl(folder.path(), &["export"], "a.b.c").await;
    assert_eq!(success(&output), EMPTY);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("waiting 1 s").count(), 2, "{said}");
    assert_eq!(service.heads().len(), 3);
    // Longer than a command waits.
    let service = FalseService::start(vec![error(
        "503 Service Unavailable",
        "Retry-After: 301\r\n",
        "DATABASE_ERROR",
    )])
    .await;
    let message = failure(&service.mdl(folder.path(), &["export"], "a.b.c").await);
    assert!(message.contains("DATABASE_ERROR") && message.contains("try again later"), "{message}");
    assert_eq!(service.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_is_not_sent_to_where_a_service_redirects() {
    let folder = tempfile::tempdir().unwrap();
    let target = FalseService::start(vec![answer("200 OK", YAML, EMPTY)]).await;
    let location = format!("Location: {}/api/v1/export\r\n", target.base);
    let service = FalseService::start(vec![answer("307 Temporary Redirect", &location, "")]).await;
    let key = mdl::credentials::api_keys::ApiKey::generate();
    std::fs::write(folder.path().join("empty.yaml"), EMPTY).unwrap();
    for arguments in [&["export"][..], &["import", "empty.yaml"]] {
        let message = failure(&service.mdl(folder.path(), arguments, key.expose()).await);
        assert!(message.contains("redirects to") && message.contains(&target.base), "{message}");
        assert!(!message.contains(key.expose()), "{message}");
    }
    assert!(service.heads().iter().all(|head| head.contains(key.expose())), "sent as a key");
    assert!(target.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn export_that_ends_early_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kept.yaml"), "former").unwrap();
    let cut = format!("HTTP/1.1 200 OK\r\n{YAML}Content-Length: 1000\r\n\r\n{EMPTY}");
    let chunked = format!("HTTP/1.1 200 OK\r\n{YAML}Transfer-Encoding: chunked\r\n\r\n4\r\ndoma");
    for answer in [cut, chunked] {
        let service = FalseService::start(vec![answer]).await;
        let arguments = ["export", "--output", "kept.yaml"];
        let message = failure(&service.mdl(folder.path(), &arguments, "a.b.c").await);
        assert!(message.contains("before it was complete"), "{message}");
        assert!(message.contains("kept.yaml was not written"), "{message}");
        let kept = std::fs::read_to_string(folder.path().join("kept.yaml")).unwrap();
        assert_eq!(kept, "former");
        let message = failure(&service.mdl(folder.path(), &["export"], "a.b.c").await);
        assert!(message.contains("the output is incomplete"), "{message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_of_an_import_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.yaml"), EMPTY).unwrap();
    let service = FalseService::start(vec!["HTTP/1.1 200 OK\r\nContent-Le".into()]).await;
    let message = failure(&service.mdl(folder.path(), &["import", "empty.yaml"], "a.b.c").await);
    assert!(message.contains("not known whether it was imported"), "{message}");
    assert_eq!(service.heads().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_than_mdl_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.yaml"), EMPTY).unwrap();
    let page = answer("200 OK", "Content-Type: text/html\r\n", "<html></html>");
    let service = FalseService::start(vec![page]).await;
    for arguments in [&["export"][..], &["import", "empty.yaml"]] {
        let message = failure(&service.mdl(folder.path(), arguments, "a.b.c").await);
        assert!(message.contains("did not respond like MDL"), "{message}");
    }
    let nowhere = command(folder.path(), &["export", "--url", "http://127.0.0.1:1"]);
    assert!(failure(&run(nowhere, "")).contains("127.0.0.1:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_service_is_exported_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = |items: &str| {
        let body = format!(r#"{{"data":[{items}],"pagination":{{"hasNext":false}}}}"#);
        answer("200 OK", "Content-Type: application/json\r\n", &body)
    };
    let service = FalseService::start(vec![
        error("404 Not Found", "", "NOT_FOUND"),
        page(r#"{"domain_id":"d","name":"D"}"#),
        page(""),
    ])
    .await;
    let exported = success(&service.mdl(folder.path(), &["export"], "a.b.c").await);
    assert!(exported.starts_with("domains:\n- domain_id: d\n"), "{exported}");
    assert!(exported.ends_with("metrics: []\n"), "{exported}");
    let heads = service.heads();
    assert!(heads[0].starts_with("GET /api/v1/export?format=yaml "), "{heads:?}");
    assert!(heads[2].starts_with("GET /api/v1/metrics?page=1&limit=100 "), "{heads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn import_above_the_limit_is_sent_in_parts_after_a_dry_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let environment = [
        &SECRETS[..],
        &[
            ("DATABASE_URL", url.as_str()),
            ("ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("IMPORT_MAX_BYTES", "70000"),
        ],
    ];
    let serving = Serving::start(folder, &environment.concat(), &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let import = async |arguments: &[&str]| {
        let mut command =
            command(folder, &[&["import"], arguments, &["--url", &serving.base]].concat());
        command.env("MDL_TOKEN", &token);
        tokio::task::spawn_blocking(move || run_within(LIMIT, command, "")).await.unwrap()
    };
    let count = async || database::sql(&url, "SELECT count(*)::text FROM metrics").await.concat();
    write_catalogue(&folder.join("all.json"), 90);
    let length = std::fs::metadata(folder.join("all.json")).unwrap().len();
    assert!(length > 2 * 70_000, "{length}");
    let text = std::fs::read_to_string(folder.join("all.json")).unwrap();
    // The first metric derives from the last, which comes with another part.
    let (none, last) = ("\"upstream_metric_ids\":[]", "\"upstream_metric_ids\":[\"m000089\"]");
    let text = text.replacen(none, last, 1);
    std::fs::write(folder.join("all.json"), &text).unwrap();
    // What is wrong is named with its place in the file, and nothing is written.
    let wrong = text.replacen("\"Metric no. 75\"", "\"\"", 1);
    std::fs::write(folder.join("wrong.json"), wrong).unwrap();
    let message = failure(&import(&["wrong.json"]).await);
    assert!(message.contains("metrics[75].name"), "{message}");
    let nowhere = text.replacen(
        "\"domain_id\":\"d2\",\"name\":\"Growth: \\\"all\\\"\"",
        "\"domain_id\":\"d2\",\"name\":\"No\"",
        1,
    );
    assert_ne!(nowhere, text);
    std::fs::write(folder.join("nowhere.json"), nowhere).unwrap();
    let message = failure(&import(&["nowhere.json"]).await);
    assert!(message.contains("metrics[1].business_domain"), "{message}");
    assert!(message.contains("nothing was written"), "{message}");
    assert_eq!(count().await, ["0"]);
    let said = success(&import(&["all.json", "--dry-run"]).await);
    assert_eq!(said, "dry run, nothing written: created 92, updated 0, unchanged 0, errors 0\n");
    assert_eq!(count().await, ["0"]);
    let said = success(&import(&["all.json"]).await);
    assert_eq!(said, "created 92, updated 0, unchanged 0, errors 0\n");
    assert_eq!(count().await, ["90"]);
    let said = success(&import(&["all.json"]).await);
    assert_eq!(said, "created 0, updated 0, unchanged 92, errors 0\n");
    let imports = "SELECT count(*)::text FROM audit_events WHERE action = 'catalogue.imported'";
    let imports: u32 = database::sql(&url, imports).await.concat().concat().parse().unwrap();
    assert!(imports >= 6, "{imports} parts");
    let edges = database::sql(&url, "SELECT metric_id, upstream_id FROM metric_edges").await;
    assert_eq!(edges, [["m000000", "m000089"]]);
}
