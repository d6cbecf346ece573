//! The policies of API, pages and documentation, judged by `csp_evaluator` (npm): it knows which
//! rules of a Content Security Policy can be got around. A weakened policy shows that it finds
//! something.
//!
//!     scripts/with-postgres cargo test --test integration hostile::csp_evaluator:: -- --ignored

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::Server;

/// Severity of information; worse findings have a lower one.
const INFORMATION: u32 = 60;
/// Pages and resources that have a policy of their own kind.
const PATHS: [&str; 6] =
    ["/api/v1", "/api/v1/metrics", "/dashboard/sign-in", "/dashboard", "/api-docs/", "/invented"];

/// Swagger UI loads its scripts from our own origin, which hosts neither uploads nor scripts that
/// call what a parameter names; everything else that it serves has `nosniff`.
const ACCEPTED: (&str, &str) = ("/api-docs/", "'self' can be problematic");

/// Name of the policy, severity, directive, description.
type Finding = (String, u32, String, String);

fn evaluate(policies: &BTreeMap<&str, String>) -> Vec<Finding> {
    let modules = std::env::var("MDL_TEST_CSP_EVALUATOR").expect("scripts/test installs it");
    let mut command = Command::new("node");
    command.args(["-e", include_str!("csp_evaluator.js")]).env("NODE_PATH", modules);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node");
    child.stdin.take().unwrap().write_all(json!(policies).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("findings")
}

#[actix_web::test]
#[ignore = "needs csp_evaluator; scripts/test installs it and runs this alone"]
async fn policies_have_no_findings_above_information() {
    let server = Server::start().await;
    let mut policies = BTreeMap::new();
    for path in PATHS {
        let answer = server.get(path, "").await;
        let policy = answer.headers.get("content-security-policy").expect("a policy");
        policies.insert(path, policy.to_str().unwrap().to_owned());
    }
    let found = evaluate(&policies);
    println!("{} policies, {} findings: {found:#?}", policies.len(), found.len());
    let is_accepted = |(name, _, _, description): &Finding| {
        name == ACCEPTED.0 && description.starts_with(ACCEPTED.1)
    };
    let worse = found.iter().filter(|finding| finding.1 < INFORMATION && !is_accepted(finding));
    let worse: Vec<_> = worse.collect();
    assert!(worse.is_empty(), "{worse:#?}\n{policies:#?}");

    let weak = policies["/dashboard"].replace("script-src ", "script-src 'unsafe-inline' https: ");
    let weak = weak.split(" 'nonce-").next().unwrap().to_owned() + "; base-uri *";
    let found = evaluate(&BTreeMap::from([("weak", weak.clone())]));
    assert!(found.iter().any(|finding| finding.1 < INFORMATION), "{weak}: {found:?}");
}
