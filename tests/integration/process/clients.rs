//! Clients that are generated from the OpenAPI document talk to a running service.

use std::process::Command;

use crate::support::{ADMIN_PASSWORD, Server};

#[actix_web::test]
#[ignore = "installs linters and client generators: scripts/test runs it alone"]
async fn generated_clients_run_the_conversation_of_the_readme() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    let served = server.get("/api-docs/openapi.json", "").await.expect(200).text;
    std::fs::write(&document, served).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/check-openapi");
    let mut check = Command::new(script);
    check.arg(&document);
    check.env("MDL_CLIENTS", folder.path().join("clients"));
    check.env("MDL_BASE_URL", &server.base).env("MDL_ADMIN_PASSWORD", ADMIN_PASSWORD);
    // The service runs on this thread, too.
    let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{errors}");
    for line in ["lints and clients ok", "TypeScript client: ok", "Python client: ok"] {
        assert!(printed.contains(line), "{line}: {printed}\n{errors}");
    }
}
