//! Documents as people have them: truncated, in another encoding, with aliases, no document at all;
//! and the examples to begin with.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::binary::{ADMIN_PASSWORD, Serving, command, failure, run, run_within, success};
use crate::support::database;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/catalogue.yaml");

fn mdl(folder: &Path, url: &str, arguments: &[&str], stdin: &str) -> Output {
    let mut command = command(folder, arguments);
    command.env("DATABASE_URL", url);
    run(command, stdin)
}

#[tokio::test]
async fn broken_documents_are_refused_with_the_place_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let sample = std::fs::read(SAMPLE).unwrap();
    let quoted = String::from_utf8_lossy(&sample).find("'#1B5E20'").unwrap();
    let json = mdl(folder, &url, &["example", "catalogue", "--format", "json"], "");
    let json = success(&json).into_bytes();
    let utf16: Vec<u8> = String::from_utf8(json.clone())
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin = String::from_utf8(sample.clone()).unwrap().replace("cash", "cash\u{1}");
    let latin: Vec<u8> = latin.bytes().map(|byte| if byte == 1 { 0xe9 } else { byte }).collect();
    let bomb = "metrics:\n- &a [x,x,x,x,x,x,x,x,x]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
        - &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n- &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
        - &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n- [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let cases: [(&str, &[u8], &str); 8] = [
        ("cut.yaml", &sample[..quoted + 3], "is not valid YAML at line"),
        ("cut.json", &json[..json.len() / 2], "is not valid JSON at line"),
        ("latin.yaml", &latin, "must be UTF-8"),
        ("utf16.json", &utf16, "is not valid JSON at line 1"),
        ("bomb.yaml", bomb.as_bytes(), "aliases (*name)"),
        ("empty.yaml", b"", "must be an object with the lists"),
        ("page.html", b"<!DOCTYPE html><html></html>", "must be an object with the lists"),
        ("twice.json", b"{\"metrics\":[],\"metrics\":[]}", "metrics: must not occur twice"),
    ];
    for (name, bytes, expected) in cases {
        std::fs::write(folder.join(name), bytes).unwrap();
        for arguments in [&["import", name][..], &["import", name, "--dry-run"]] {
            let message = failure(&mdl(folder, &url, arguments, ""));
            assert!(message.contains(expected), "{name}: {message}");
            assert!(message.contains("nothing was written"), "{name}: {message}");
        }
    }
    let message = failure(&mdl(folder, &url, &["import", "."], ""));
    assert!(message.contains("folder"), "{message}");
    let export = success(&mdl(folder, &url, &["export"], ""));
    assert_eq!(export, "domains: []\nmetrics: []\n");
}

#[tokio::test]
async fn hundred_megabytes_of_garbage_are_refused_soon() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let began = Instant::now();
    for (name, byte) in
        [("zeros.yaml", 0_u8), ("zeros.json", 0), ("brackets.json", b'['), ("text.yaml", b'x')]
    {
        std::fs::write(folder.join(name), vec![byte; 100_000_000]).unwrap();
        let mut command = command(folder, &["import", name]);
        command.env("DATABASE_URL", &url);
        let message = failure(&run_within(Duration::from_mins(2), command, ""));
        assert!(message.contains("nothing was written"), "{name}: {message}");
        assert!(message.len() < 1000, "{name}: {}", message.len());
        println!("{name}: {:.1} s", began.elapsed().as_secs_f64());
    }
}

#[tokio::test]
async fn documents_may_come_from_a_pipe_with_a_mark_and_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    let example = success(&mdl(folder, &url, &["example", "catalogue", "--format", "json"], ""));
    let example: Value = serde_json::from_str(&example).unwrap();
    // Metrics first: their domain is stored before them all the same.
    let turned = format!(
        "\u{feff}{{\"metrics\":{},\"domains\":{}}}",
        example["metrics"], example["domains"]
    );
    let imported = success(&mdl(folder, &url, &["import", "-"], &turned));
    assert_eq!(imported, "created 2, updated 0, unchanged 0, errors 0\n");
    let yaml = success(&mdl(folder, &url, &["export"], ""));
    let again = success(&mdl(folder, &url, &["import", "-"], &yaml));
    assert_eq!(again, "created 0, updated 0, unchanged 2, errors 0\n");
    let closed = command(folder, &["export", "--output", "/dev/full"]);
    let mut closed = closed;
    closed.env("DATABASE_URL", &url);
    assert!(failure(&run(closed, "")).contains("/dev/full"));
}

#[tokio::test]
async fn failed_export_leaves_the_former_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = database::fresh().await;
    std::fs::write(folder.join("kept.yaml"), "former").unwrap();
    database::sql(&url, "DROP TABLE metrics CASCADE").await;
    let message = failure(&mdl(folder, &url, &["export", "--output", "kept.yaml"], ""));
    assert!(message.starts_with("mdl: "), "{message}");
    assert_eq!(std::fs::read_to_string(folder.join("kept.yaml")).unwrap(), "former");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn printed_examples_are_accepted_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[("ADMIN_PASSWORD", ADMIN_PASSWORD)], &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let print = |item: &str, format: &str| {
        success(&run(command(folder.path(), &["example", item, "--format", format]), ""))
    };
    for (item, path) in [("domain", "/api/v1/domains"), ("metric", "/api/v1/metrics")] {
        let create = serving.http.post(format!("{}{path}", serving.base)).bearer_auth(&token);
        let create = create.header("content-type", "application/json").body(print(item, "json"));
        let answer = create.send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    let full = success(&run(command(folder.path(), &["example", "metric", "--full"]), ""));
    assert!(full.contains("\ntags:\n") && !print("metric", "yaml").contains("\ntags:"), "{full}");
    // Those of the OpenAPI document are the same.
    let document = serving.get("/api-docs/openapi.json", &token).await;
    let operation = &document["paths"]["/api/v1/metrics"]["post"];
    let shown = &operation["requestBody"]["content"]["application/json"]["example"];
    let printed: Value = serde_json::from_str(&print("metric", "json")).unwrap();
    assert_eq!(*shown, printed);
    for format in ["yaml", "json"] {
        let mut import = command(folder.path(), &["import", "-", "--url", &serving.base]);
        import.env("MDL_TOKEN", &token);
        let imported = success(&run(import, &print("catalogue", format)));
        assert_eq!(imported, "created 0, updated 0, unchanged 2, errors 0\n");
    }
}
