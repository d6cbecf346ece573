//! The running service against its own OpenAPI document, by schemathesis: valid and invalid
//! requests to each operation, and sequences of them. No response may be a 5xx, or one that the
//! document does not describe. `schemathesis.toml` says which checks contradict the contract.
//!
//!     scripts/with-postgres cargo test --test integration hostile::schemathesis:: -- --ignored

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, token};

/// Examples for each operation in each phase.
const EXAMPLES: &str = "4";
/// The same requests in each run.
const SEED: &str = "20";
/// Ends a run that hangs, in seconds; it takes about a minute.
const LONGEST_SECONDS: &str = "300";
/// They would stop the service, and end the session of the scan.
const LEFT_OUT: [&str; 2] = ["/health/circuit-breakers/{name}", "/api/auth/sessions/{id}"];

async fn run(server: &Server, token: &str, arguments: &[&str]) -> Output {
    let binary = std::env::var("MDL_TEST_SCHEMATHESIS").expect("scripts/test installs it");
    let configuration =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/hostile/schemathesis.toml");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", LONGEST_SECONDS, &binary, "--config-file"]).arg(configuration);
    command.arg("run").arg(format!("{}/api-docs/openapi.json", server.base));
    command.env("MDL_TOKEN", token).args(["--no-color", "--seed", SEED]).args(arguments);
    for path in LEFT_OUT {
        command.args(["--exclude-path", path]);
    }
    command.current_dir(folder.path()).env("HOME", folder.path());
    command.env("NO_PROXY", "127.0.0.1,localhost");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[actix_web::test]
#[ignore = "needs schemathesis; scripts/test installs it and runs this alone"]
async fn service_answers_as_its_document_says() {
    let options = ["--registration-enabled", "true"];
    let server = Server::with(&options).await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    let domain = json!({"domain_id": "d1", "name": "Finance"});
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (before, began) = (server.logs.lines().len(), Instant::now());
    let output = run(&server, &admin, &["--max-examples", EXAMPLES]).await;
    let report = String::from_utf8_lossy(&output.stdout);
    let log: Vec<Value> = server.logs.lines().split_off(before);
    let statuses = log.iter().filter_map(|line| line["status"].as_u64());
    let errors: Vec<u64> = statuses.filter(|status| *status >= 500).collect();
    let routes: BTreeSet<String> = log
        .iter()
        .filter_map(|line| {
            Some(format!("{} {}", line["method"].as_str()?, line["route"].as_str()?))
        })
        .collect();
    println!("{} requests to {} routes in {:.0?}", log.len(), routes.len(), began.elapsed());
    let summary = report.find("SUMMARY").map_or("", |at| &report[at..]);
    println!("{summary}");
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(errors.is_empty(), "{errors:?}");
    let failed: Vec<_> = log.iter().filter(|line| line["level"] == "ERRO").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    // Its session lasted to the end, so that the requests were not refused for another reason.
    server.get("/api/auth/me", &admin).await.expect(200);
    assert!(routes.len() > 40 && log.len() > 1000, "{} requests, {routes:?}", log.len());
}
