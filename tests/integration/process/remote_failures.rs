//! `mdl import --url` and `mdl export --url`: proxies, unknown outcomes, and imports in parts whose
//! items contradict each other.

use serde_json::{Value, json};

use crate::process::binary::{
    ADMIN_PASSWORD, SECRETS, Serving, command, failure, run, run_within, success,
};
use crate::process::remote_commands::{EMPTY, FalseService, YAML, answer, error};
use crate::process::round_trip::{LIMIT, write_catalogue};
use crate::support::database;

#[tokio::test(flavor = "multi_thread")]
async fn credential_is_not_sent_to_a_proxy_in_cleartext() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = FalseService::start(vec![answer("200 OK", YAML, EMPTY)]).await;
    let service = FalseService::start(vec![answer("200 OK", YAML, EMPTY)]).await;
    let base = service.base.replace("127.0.0.1", "localhost");
    let mut export = command(folder.path(), &["export", "--url", &base]);
    export.env("MDL_TOKEN", "a.b.c");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        export.env(name, &proxy.base);
    }
    let output = tokio::task::spawn_blocking(move || run(export, "")).await.unwrap();
    assert_eq!(success(&output), EMPTY);
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
    assert_eq!(service.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcome_of_an_import_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.yaml"), EMPTY).unwrap();
    let unknown = error("504 Gateway Timeout", "", "OUTCOME_UNKNOWN");
    let service = FalseService::start(vec![unknown]).await;
    let message = failure(&service.mdl(folder.path(), &["import", "empty.yaml"], "a.b.c").await);
    assert!(message.contains("OUTCOME_UNKNOWN"), "{message}");
    assert!(message.contains("not known whether it was imported"), "{message}");
    let tried = ["import", "empty.yaml", "--dry-run"];
    let message = failure(&service.mdl(folder.path(), &tried, "a.b.c").await);
    assert!(!message.contains("not known whether it was imported"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn address_with_a_query_or_fragment_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["http://127.0.0.1:1/?tenant=a", "http://127.0.0.1:1/#metrics"] {
        let output = run(command(folder.path(), &["export", "--url", address]), "");
        let message = failure(&output);
        assert!(message.contains("without ? and #"), "{message}");
        assert_eq!(output.status.code(), Some(2), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_older_service_are_no_snapshot_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = |items: &str, has_next: bool| {
        let body = format!(r#"{{"data":[{items}],"pagination":{{"hasNext":{has_next}}}}}"#);
        answer("200 OK", "Content-Type: application/json\r\n", &body)
    };
    let domain = |id: usize| format!(r#"{{"domain_id":"d{id}","name":"D{id}"}}"#);
    let first: Vec<String> = (0..100).map(domain).collect();
    // The last domain of the first page has moved to the second one.
    let second = [domain(99), domain(100)].join(",");
    let service = FalseService::start(vec![
        error("404 Not Found", "", "NOT_FOUND"),
        page(&first.join(","), true),
        page(&second, false),
        page("", false),
    ])
    .await;
    let output = service.mdl(folder.path(), &["export", "--format", "json"], "a.b.c").await;
    let exported: Value = serde_json::from_str(&success(&output)).unwrap();
    assert_eq!(exported["domains"].as_array().unwrap().len(), 101);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("page by page"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_that_names_a_renamed_domain_is_found_before_a_part_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let limits = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("IMPORT_MAX_BYTES", "70000"),
    ];
    let serving = Serving::start(folder, &[&SECRETS[..], &limits].concat(), &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let import = async |file: &str| {
        let mut command = command(folder, &["import", file, "--url", &serving.base]);
        command.env("MDL_TOKEN", &token);
        tokio::task::spawn_blocking(move || run_within(LIMIT, command, "")).await.unwrap()
    };
    let names = async || {
        let names = "SELECT name FROM business_domains ORDER BY domain_id";
        database::sql(&url, names).await.concat()
    };
    let stored = json!({"domains": [{"domain_id": "d1", "name": "Old"}], "metrics": []});
    std::fs::write(folder.join("stored.json"), stored.to_string()).unwrap();
    success(&import("stored.json").await);
    write_catalogue(&folder.join("all.json"), 90);
    let text = std::fs::read_to_string(folder.join("all.json")).unwrap();
    // A metric of the last part still has the former name of the domain.
    let mut document: Value = serde_json::from_str(&text).unwrap();
    for number in 80..90 {
        document["metrics"][number]["business_domain"] = json!("Old");
    }
    std::fs::write(folder.join("wrong.json"), document.to_string()).unwrap();
    let message = failure(&import("wrong.json").await);
    assert!(message.contains("metrics[80].business_domain"), "{message}");
    assert!(message.contains("nothing was written"), "{message}");
    assert!(message.contains("MDL_TOKEN is an access token"), "{message}");
    assert_eq!(names().await, ["Old"]);
    assert_eq!(
        success(&import("all.json").await),
        "created 91, updated 1, unchanged 0, errors 0\n"
    );
    assert_eq!(names().await, ["Finance", "Growth: \"all\""]);
}
