//! A scan of the running service by wapiti, as an administrator and without a caller. Any finding
//! fails the test. Reports by the lists of OWASP are kept in `target/reports/security-scan`. A
//! service without security headers, and one whose database lacks a table, show that the scan finds
//! something where there is something.
//!
//!     scripts/with-postgres cargo test --test integration hostile::scan:: -- --ignored

mod operations;
mod owasp;
mod wapiti;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use self::operations::{Ids, Operation};
use self::wapiti::{Finding, Scan};
use crate::hostile::recorder::Recorder;
use crate::support::database::sql;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, token};

/// Modules whose requests are few.
const LIGHT: &[&str] = &[
    "http_headers",
    "csp",
    "cookieflags",
    "htaccess",
    "backup",
    "sql",
    "xss",
    "permanentxss",
    "crlf",
    "redirect",
    "ssrf",
];
/// Modules that send dozens of requests for each value.
const HEAVY: &[&str] = &["exec", "file", "xxe", "timesql"];
/// What they attack: one operation of each kind, and of its query only these parameters.
const HEAVY_TARGETS: [(Method, &str, &[&str]); 5] = [
    (Method::GET, "/api/v1/metrics", &["category", "tags", "search"]),
    (Method::GET, "/api/v1/audit", &["actor", "target"]),
    (Method::POST, "/api/auth/api-keys", &[]),
    (Method::POST, "/api/auth/refresh", &[]),
    (Method::POST, "/api/auth/password-reset/request", &[]),
];
const HEADERS: &[&str] = &["http_headers", "csp", "cookieflags"];
/// Fewest requests to an operation with values to attack.
const FEWEST_ATTACKS: usize = 20;

/// Starts the place that attacks try to make the service contact. Wapiti asks it for what came.
fn endpoint() -> Recorder {
    let nothing = |path| (path, "application/json", "{}".to_owned());
    Recorder::start(vec![nothing("/get_ssrf.php"), nothing("/get_xxe.php")])
}

/// Creates what the operations ask for; returns them and a token of the administrator.
async fn prepared(server: &Server) -> (Vec<Operation>, String) {
    let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let (admin, user) = (token(&login), login.json()["user"]["user_id"].clone());
    server.post("/api/v1/domains", &admin, &json!({"domain_id": "d1", "name": "Finance"})).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let change = json!({"description": "Changed"});
    server.put("/api/v1/domains/d1", &admin, &change).await.expect(200);
    let changed = server.put("/api/v1/metrics/m1", &admin, &change).await.expect(200).json();
    let version = changed["data"]["metadata"]["version"].as_str().unwrap().to_owned();
    let (key, _) = server.key(&admin, &["metrics:read"]).await;
    let served = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let ids = Ids { user: user.as_str().unwrap().to_owned(), key, version };
    (operations::operations(&served, &ids), admin)
}

/// Returns the number of requests, and their statuses of 500 and more, by method and route.
fn by_route(log: &[Value]) -> BTreeMap<(String, String), (usize, Vec<u64>)> {
    let mut routes = BTreeMap::<_, (usize, Vec<u64>)>::new();
    for line in log {
        let (Some(method), Some(route)) = (line["method"].as_str(), line["route"].as_str()) else {
            continue;
        };
        let (number, errors) = routes.entry((method.to_owned(), route.to_owned())).or_default();
        *number += 1;
        errors.extend(line["status"].as_u64().filter(|status| *status >= 500));
    }
    routes
}

#[actix_web::test]
#[ignore = "needs wapiti; scripts/test installs it and runs this alone"]
async fn running_service_has_no_findings() {
    let options = ["--anonymous-read", "true", "--registration-enabled", "true"];
    let (server, endpoint) = (Server::with(&options).await, endpoint());
    let (all, admin) = prepared(&server).await;
    for operation in &all {
        operation.assert_accepted(&server, &admin).await;
    }
    let before = server.logs.lines().len();
    let scan = |name, start: &str, operations, token, modules| Scan {
        name,
        start: format!("{}{start}", server.base),
        operations,
        token,
        modules,
        endpoint: &endpoint.base,
    };
    let (private, public): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|one| one.needs_caller);
    let heavy = HEAVY_TARGETS.map(|(method, pattern, query)| {
        let mut found = all.iter().filter(|one| one.method == method && one.pattern == pattern);
        found.next().expect("an operation").clone().with_query(query)
    });
    // Without a caller, private operations are only asked whether they refuse.
    let refusing = private.iter().filter(|one| one.method == Method::GET).cloned();
    let refusing = refusing.map(|operation| operation.with_query(&[]));
    let scans = [
        scan("administrator", "/api/v1", private.clone(), Some(&*admin), LIGHT),
        scan("administrator-heavy", "/api/v1", heavy.to_vec(), Some(&*admin), HEAVY),
        scan("anonymous", "/api-docs/", public.into_iter().chain(refusing).collect(), None, LIGHT),
    ];
    let [first, second, third] = &scans;
    let reports: [_; 3] = tokio::join!(first.run(), second.run(), third.run()).into();
    let log = server.logs.lines().split_off(before);
    let routes = by_route(&log);
    let requests = routes.values().map(|(number, _)| number).sum();
    println!("summary: {}", owasp::write_summary(&reports, requests));
    for report in &reports {
        println!("{}: {:.0?}, not finished: {:?}", report.name, report.took, report.unfinished);
    }
    let findings = reports.iter().flat_map(|report| &report.findings).map(owasp::line);
    assert_eq!(findings.collect::<Vec<_>>(), [""; 0]);
    let errors: Vec<_> = routes.iter().filter(|(_, (_, errors))| !errors.is_empty()).collect();
    assert!(errors.is_empty(), "internal errors: {errors:?}");
    let logged: Vec<_> = log.iter().filter(|line| line["level"] == "ERRO").collect();
    assert!(logged.is_empty(), "{logged:#?}");
    let contacts = endpoint.requests();
    let contacts: Vec<_> = contacts.iter().filter(|one| !one.starts_with("GET /get_")).collect();
    assert!(contacts.is_empty(), "the service contacted another host: {contacts:?}");
    for operation in &all {
        let route = (operation.method.to_string(), operation.pattern.clone());
        let number = routes.get(&route).map_or(0, |(number, _)| *number);
        let fewest = if operation.is_attackable() { FEWEST_ATTACKS } else { 1 };
        assert!(number >= fewest, "{route:?} was requested {number} times");
    }
}

/// Scans an operation of a weakened service.
async fn weak(
    name: &'static str,
    server: &Server,
    pattern: &str,
    modules: &'static [&'static str],
) -> Vec<Finding> {
    let (operations, admin) = prepared(server).await;
    let chosen = operations.into_iter().filter(|one| one.pattern == pattern).collect();
    if pattern == "/api/v1/domains" {
        sql(&server.database_url, "ALTER TABLE business_domains RENAME TO hidden").await;
    }
    let (endpoint, start) = (endpoint(), format!("{}{pattern}", server.base));
    let (token, endpoint) = (Some(&*admin), &*endpoint.base);
    Scan { name, start, operations: chosen, token, modules, endpoint }.run().await.findings
}

#[actix_web::test]
#[ignore = "needs wapiti; scripts/test installs it and runs this alone"]
async fn scan_finds_missing_headers() {
    let server = Server::with(&["--security-headers-enabled", "false"]).await;
    let findings = weak("control-headers", &server, "/api/v1", HEADERS).await;
    let found: BTreeSet<_> = findings.iter().map(|finding| &*finding.info).collect();
    let missing =
        ["CSP is not set", "X-Content-Type-Options is not set", "X-Frame-Options is not set"];
    assert_eq!(found, BTreeSet::from(missing));
}

#[actix_web::test]
#[ignore = "needs wapiti; scripts/test installs it and runs this alone"]
async fn scan_finds_internal_errors() {
    let server = Server::start().await;
    let findings = weak("control-errors", &server, "/api/v1/domains", &["sql", "crlf"]).await;
    let errors = findings.iter().filter(|one| one.is_anomaly());
    assert!(errors.clone().count() > 0, "{findings:?}");
    assert!(errors.clone().all(|one| one.category == "Internal Server Error"), "{findings:?}");
}

#[test]
fn every_module_is_in_both_lists_of_owasp() {
    for (list, risks) in [("API", &owasp::API_TOP_10), ("web", &owasp::TOP_10)] {
        for module in LIGHT.iter().chain(HEAVY) {
            let known = risks.iter().any(|risk| risk.modules.contains(module));
            assert!(known, "{module} is in no category of the {list} list");
        }
        assert!(risks.iter().any(|risk| risk.anomalies), "{list}");
    }
}

#[test]
fn tests_in_the_lists_of_owasp_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [&owasp::API_TOP_10, &owasp::TOP_10].into_iter().flatten().flat_map(|r| r.tests) {
        let path = format!("tests/integration/{}", name.replace("::", "/"));
        let files = [format!("{path}.rs"), format!("{path}/mod.rs"), (*name).to_owned()];
        assert!(files.iter().any(|file| root.join(file).is_file()), "there is no test {name}");
    }
}
