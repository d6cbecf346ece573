//! Imports and exports of the whole catalogue.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{join, join_all};
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, database, json_body};

/// YAML with nested aliases.
const LAUGHS: &str = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c \
                      [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
    d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f \
    [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
    g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nmetrics: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";

async fn import(server: &Server, token: &str, query: &str, body: &Value) -> Answer {
    server
        .send(Method::POST, &format!("/api/v1/import{query}"), token, &[], Some(json_body(body)))
        .await
}

#[actix_web::test]
async fn import_reports_outcome_of_each_item() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = json!({
        "domains": [{"domain_id": "d1", "name": "Finance"}],
        "metrics": [metric("m1"), metric("m2")],
    });
    let rehearsed = import(&server, &admin, "?dry_run=true", &document).await.expect(200).json();
    assert_eq!(
        rehearsed["data"]["counts"],
        json!({"created": 3, "updated": 0, "unchanged": 0, "errors": 0})
    );
    assert_eq!(server.get("/api/v1/metrics", &admin).await.json()["pagination"]["total"], 0);
    let done = import(&server, &admin, "", &document).await.expect(200).json();
    assert_eq!(done["data"]["items"], rehearsed["data"]["items"]);
    assert_eq!(server.get("/api/v1/metrics", &admin).await.json()["pagination"]["total"], 2);
    // A second import changes nothing and creates no version.
    let again = import(&server, &admin, "", &document).await.expect(200).json();
    assert_eq!(again["data"]["counts"]["unchanged"], 3);
    let mut changed = document.clone();
    changed["metrics"][1]["tags"] = json!(["new"]);
    changed["domains"][0]["name"] = json!("Finance");
    let changed = import(&server, &admin, "", &changed).await.expect(200).json();
    assert_eq!(
        changed["data"]["items"][2],
        json!({"path": "metrics[1]", "id": "m2", "outcome": "updated"})
    );
    assert_eq!(server.get("/api/v1/metrics/m2", &admin).await.header("etag"), "\"1.0.1\"");
}

#[actix_web::test]
async fn import_with_one_invalid_item_writes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = json!({
        "domains": [{"domain_id": "d1", "name": "Finance"}, {"domain_id": "d2", "name": "Finance"}],
        "metrics": [
            metric("m1"),
            metric_with("m2", &json!({"tier": "Tier-9"})),
            metric_with("m3", &json!({"business_domain": "Nowhere"})),
            metric("m1"),
        ],
    });
    let expected = [
        "domains[1].name",
        "metrics[1].tier",
        "metrics[2].business_domain",
        "metrics[3].metric_id",
    ];
    let refused =
        import(&server, &admin, "", &document).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), expected);
    assert_eq!(server.get("/api/v1/domains", &admin).await.json()["pagination"]["total"], 0);
    let rehearsed = import(&server, &admin, "?dry_run=true", &document).await.expect(200).json();
    assert_eq!(
        rehearsed["data"]["counts"],
        json!({"created": 2, "updated": 0, "unchanged": 0, "errors": 4})
    );
    let fields: Vec<&str> = rehearsed["data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["errors"][0]["field"].as_str())
        .collect();
    assert_eq!(fields, expected);
}

#[actix_web::test]
async fn import_accepts_yaml_and_refuses_other_documents() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let send = async |media_type: &str, body: &str| {
        let body = Some((media_type, body.as_bytes().to_vec()));
        server.send(Method::POST, "/api/v1/import", &admin, &[], body).await
    };
    send("application/yaml", "domains:\n- {domain_id: d, name: 'a: b'}\n").await.expect(200);
    assert_eq!(server.get("/api/v1/domains/d", &admin).await.json()["data"]["name"], "a: b");
    for bad in ["a: [", "domains: 5", "colour: []", "- x", "domains: []\ndomains: []", "a: &a [*a]"]
    {
        send("application/yaml", bad).await.expect_error(400, "VALIDATION_ERROR");
    }
    // Aliases that expand to a billion items are stopped early.
    send("application/yaml", LAUGHS).await.expect_error(400, "VALIDATION_ERROR");
    send("text/plain", "{}").await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    import(&server, &admin, "?dry_run=perhaps", &json!({}))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    import(&server, &admin, "?dry=true", &json!({})).await.expect_error(400, "VALIDATION_ERROR");
    let (_, viewer) = server.user(&admin, "kim", "viewer").await;
    import(&server, &viewer, "", &json!({})).await.expect_error(403, "AUTHORIZATION_ERROR");
}

/// Parsing a large document and sanitizing its texts takes seconds; worker threads must not do it.
#[actix_web::test]
async fn import_parsing_does_not_delay_other_requests() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // More imports than worker threads. None of them knows the domain.
    let metrics: Vec<Value> = (0..300).map(|n| metric(&format!("m{n}"))).collect();
    let document = json!({ "metrics": metrics }).to_string().into_bytes();
    let done = AtomicU32::new(0);
    let imports = join_all((0..4).map(|_| async {
        let body = Some(("application/yaml", document.clone()));
        server
            .send(Method::POST, "/api/v1/import", &admin, &[], body)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        done.fetch_add(1, Ordering::SeqCst);
    }));
    let others = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..4 {
            server.get("/health/live", "").await.expect(200);
        }
        done.load(Ordering::SeqCst)
    };
    let (_, done) = join(imports, others).await;
    assert_eq!(done, 0, "others waited for an import");
}

#[actix_web::test]
async fn concurrent_imports_queue_and_excess_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let client = database::connect(&server.database_url).await;
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let document = json!({"domains": [{"domain_id": "d1", "name": "Finance"}]});
    let mut crowd: FuturesUnordered<_> =
        (0..20).map(|_| import(&server, &admin, "", &document)).collect();
    // One runs, sixteen wait.
    for _ in 0..3 {
        let refused = crowd.next().await.unwrap().expect_error(503, "OVERLOADED");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    client.batch_execute("COMMIT").await.unwrap();
    let answers: Vec<Answer> = crowd.collect().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 17]);
}
