//! Each request costs a bounded amount of work and memory.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, database};

fn padded(body: &Value, length: usize) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    bytes.resize(length, b' ');
    bytes
}

#[actix_web::test]
async fn body_size_limit_of_each_route_is_named() {
    let server = Server::with(&["--import-max-bytes", "1000000"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (small, item) = (64 * 1024, 256 * 1024);
    let login = json!({"username": "admin", "password": "wrong"});
    let key = json!({"name": "k", "scopes": ["metrics:read"]});
    let control = json!({"action": "close", "reason": "r"});
    let catalogue = json!({"domains": [], "metrics": []});
    for (method, path, body, limit, name) in [
        (Method::POST, "/api/auth/login", &login, small, "64 KiB"),
        (Method::POST, "/api/auth/api-keys", &key, small, "64 KiB"),
        (Method::POST, "/health/circuit-breakers/metrics", &control, small, "64 KiB"),
        (Method::POST, "/api/v1/metrics", &metric("m1"), item, "256 KiB"),
        (Method::PUT, "/api/v1/metrics/m1", &json!({}), item, "256 KiB"),
        (Method::POST, "/api/v1/domains", &json!({"domain_id": "x", "name": "X"}), item, "256 KiB"),
        (Method::PUT, "/api/v1/domains/x", &json!({}), item, "256 KiB"),
        (Method::POST, "/api/v1/import", &catalogue, 1_000_000, "1000000 bytes"),
    ] {
        let send = async |length| {
            let body = Some(("application/json", padded(body, length)));
            server.send(method.clone(), path, &admin, &[], body).await
        };
        assert_ne!(send(limit).await.status, 413, "{path}");
        let refused = send(limit + 1).await.expect_error(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(
            refused.json()["error"]["message"],
            format!("The body is larger than {name}"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn query_of_16000_parameters_is_refused_on_every_path() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let many = |count: usize| vec!["a"; count].join("&");
    for path in [
        "/api/v1/metrics",
        "/api/v1/metrics/m",
        "/api/auth/me",
        "/health/live",
        "/nowhere",
        "/api-docs/",
    ] {
        for query in [many(16_000), many(33), format!("a={}", "x".repeat(8 * 1024))] {
            let answer = server
                .get(&format!("{path}?{query}"), &admin)
                .await
                .expect_error(400, "VALIDATION_ERROR");
            assert!(answer.text.contains("the query must"), "{}", answer.text);
        }
    }
    assert!(
        !server
            .get(&format!("/api/v1/metrics?{}", many(32)), &admin)
            .await
            .text
            .contains("the query must")
    );
}

fn details(answer: &Answer) -> (usize, u64) {
    let error = &answer.json()["error"];
    (error["details"].as_array().unwrap().len(), error["detailsOmitted"].as_u64().unwrap_or(0))
}

#[actix_web::test]
async fn violations_beyond_the_hundredth_are_counted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for (count, omitted) in [(99, 0), (100, 0), (101, 1), (150, 50)] {
        let body = metric_with("m", &json!({"tags": vec![""; count]}));
        let answer = server
            .post("/api/v1/metrics", &admin, &body)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        assert_eq!(details(&answer), (count.min(100), omitted), "{count}");
    }
    let body = metric_with("m", &json!({"tags": vec![""; 80_000]}));
    let answer =
        server.post("/api/v1/metrics", &admin, &body).await.expect_error(400, "VALIDATION_ERROR");
    // One item more makes the list too long.
    assert_eq!(details(&answer), (100, 79_901));
    assert!(answer.text.len() < 64 * 1024, "{}", answer.text.len());
    // Long field names of the client do not make the response long either.
    let keys: serde_json::Map<_, _> =
        (0..120).map(|n| (format!("{n:0>1900}"), json!("\0"))).collect();
    let body = json!({"domain_id": "x", "name": "X", "tier_focus": keys});
    let answer =
        server.post("/api/v1/domains", &admin, &body).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(details(&answer), (100, 20));
    assert!(answer.text.len() < 64 * 1024, "{}", answer.text.len());
}

#[actix_web::test]
async fn import_with_350000_violations_gets_a_short_answer() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let one = json!({"metrics": [metric_with("m", &json!({"tags": vec![""; 350_000]}))]});
    let many: Vec<Value> =
        (0..2000).map(|n| metric_with(&format!("m{n}"), &json!({"tags": vec![""; 175]}))).collect();
    let nothing = json!({"metrics": vec![json!({"unknown": "x".repeat(40)}); 60_000]});
    for (name, body) in [("one", one), ("many", json!({ "metrics": many })), ("nothing", nothing)] {
        let body = Some(("application/json", body.to_string().into_bytes()));
        let answer = server.send(Method::POST, "/api/v1/import", &admin, &[], body.clone()).await;
        assert_eq!(details(&answer.expect_error(400, "VALIDATION_ERROR")).0, 100, "{name}");
        let answer = server
            .send(Method::POST, "/api/v1/import?dry_run=true", &admin, &[], body)
            .await
            .expect(200);
        assert!(answer.text.len() < 1200 * 1024, "{name}: {}", answer.text.len());
        let report = &answer.json()["data"];
        let items = report["items"].as_array().unwrap();
        let described: usize =
            items.iter().map(|item| item["errors"].as_array().map_or(0, Vec::len)).sum();
        assert!(described <= 1000, "{described}");
        assert_eq!(
            report["counts"]["errors"].as_u64().unwrap(),
            items.len() as u64 + report["items_omitted"].as_u64().unwrap_or(0)
        );
    }
    let dense = Some((
        "application/json",
        format!("{{\"metrics\":[{}0]}}", "0,".repeat(4_000_000)).into_bytes(),
    ));
    let answer = server.send(Method::POST, "/api/v1/import", &admin, &[], dense).await;
    answer.expect_error(400, "VALIDATION_ERROR");
}

/// Returns a metric whose JSON is about `kib` KiB long, and its stored form much shorter.
fn large(id: &str, kib: usize) -> Value {
    let queries = vec![json!({"language": "sql", "query": "x".repeat(1990)}); kib / 2];
    metric_with(id, &json!({"metadata": {"example_queries": queries}}))
}

#[actix_web::test]
async fn page_of_more_than_8_mib_is_refused_and_a_smaller_one_works() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for number in 0..40 {
        server
            .post("/api/v1/metrics", &admin, &large(&format!("m{number:02}"), 250))
            .await
            .expect(201);
    }
    for path in
        ["/api/v1/metrics", "/api/v1/metrics?limit=100", "/api/v1/metrics?limit=40&sort=-name"]
    {
        let answer = server.get(path, &admin).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), ["limit"], "{path}");
        assert!(
            answer.text.contains("this page would be 10 MiB; the most is 8 MiB"),
            "{}",
            answer.text
        );
    }
    let answer = server.get("/api/v1/metrics?limit=25", &admin).await.expect(200);
    assert_eq!(answer.json()["count"], 25);
    assert!(answer.text.len() > 6_000_000);
    // The past has the same bound, whether the versions are present or former ones.
    let then = mdl::clock::rfc3339(server.clock.now());
    for changed in 0..2 {
        let past = format!("/api/v1/metrics?as_of={then}&limit=");
        let refused = server.get(&format!("{past}40"), &admin).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), ["limit"]);
        let list = server.get(&format!("{past}25"), &admin).await.expect(200).json();
        assert_eq!(list["count"], 25);
        assert_eq!(list["data"][24]["metric_id"], "m24");
        let path = format!("/api/v1/metrics/m{changed:02}");
        server.put(&path, &admin, &json!({"tags": ["t"]})).await.expect(200);
    }
    // Only what is fetched counts.
    let names = server.get("/api/v1/metrics?limit=100&fields=name,metadata.notes", &admin).await;
    assert_eq!(names.expect(200).json()["count"], 40);
    let queries = "/api/v1/metrics?limit=40&fields=name,metadata.example_queries";
    let answer = server.get(queries, &admin).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["limit"]);
    // The serialised form is measured, not the stored one.
    database::sql(&server.database_url, "UPDATE metrics SET tags = '[]'").await;
    server.get("/api/v1/metrics?limit=25&sort=-name", &admin).await.expect(200);
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("all.json");
    let (base, token, file) = (server.base.clone(), admin.clone(), exported.clone());
    let export = move || {
        let arguments =
            ["export", "--format", "json", "--url", &base, "--output", file.to_str().unwrap()];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mdl"));
        command.args(arguments).env("MDL_TOKEN", token).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(export).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&std::fs::read(&exported).unwrap()).unwrap();
    let ids: std::collections::BTreeSet<_> = all["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["metric_id"])
        .map(Value::to_string)
        .collect();
    assert_eq!((ids.len(), all["metrics"].as_array().unwrap().len()), (40, 40));
}

#[actix_web::test]
async fn page_of_large_domains_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for number in 0..40 {
        let focus = vec!["x".repeat(1990); 120];
        let body = json!({"domain_id": format!("d{number}"), "name": format!("D{number}"),
            "tier_focus": {"a": focus}});
        server.post("/api/v1/domains", &admin, &body).await.expect(201);
    }
    let answer = server.get("/api/v1/domains", &admin).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["limit"]);
    assert_eq!(
        server.get("/api/v1/domains?limit=30", &admin).await.expect(200).json()["count"],
        30
    );
}

#[actix_web::test]
async fn bad_patch_is_refused_without_any_statement() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:write", "domains:write"]).await;
    // The key is cached from here on, so that its caller costs no statement.
    server.put_with("/api/v1/metrics/m1", &key, &json!({})).await.expect(200);
    database::sql(&database::url("postgres"), "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .await;
    let statements = async || {
        let question = format!(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database ON dbid = \
             pg_database.oid
             WHERE datname = '{}' AND (query ILIKE '%metrics%' OR query ILIKE '%business_domains%'
                 OR query ILIKE '%catalogue_epochs%for update%' OR query = 'BEGIN')",
            server.database_url.rsplit('/').next().unwrap()
        );
        database::sql(&database::url("postgres"), &question).await[0][0].parse::<u64>().unwrap()
    };
    let mut data = metric("m1")["data"].clone();
    data["time_grain"] = json!("day");
    let before = statements().await;
    for (path, body, fields) in [
        ("/api/v1/metrics/m1", json!({"colour": 1}), &["colour"][..]),
        ("/api/v1/metrics/m1", json!({"name": ""}), &["name"]),
        ("/api/v1/metrics/m1", json!({"tags": {}}), &["tags"]),
        ("/api/v1/metrics/m1", json!({"data": data}), &["data.time_grain"]),
        ("/api/v1/metrics/m1", json!({"metric_id": "m2"}), &["metric_id"]),
        ("/api/v1/domains/d1", json!({"colour": 1}), &["colour"][..]),
        ("/api/v1/domains/d1", json!({"contact_email": "x"}), &["contact_email"]),
        ("/api/v1/domains/d1", json!({"domain_id": "d2"}), &["domain_id"]),
    ] {
        let answer = server.put_with(path, &key, &body).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), fields, "{body}");
    }
    assert_eq!(statements().await, before);
    // Whether fields may be missing depends on the status that is stored.
    let missing = [
        "data.primary_sources",
        "data.data_freshness",
        "data.update_frequency",
        "data.time_grain",
        "data.data_retention",
    ];
    let answer = server.put_with("/api/v1/metrics/m1", &key, &json!({"data": {}})).await;
    assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields(), missing);
    assert!(statements().await > before, "the measure must see a statement");
}
