//! Imports write many metrics with few statements, and each of them as its own change would.

use serde_json::{Value, json};

use crate::support::samples::metric_with;
use crate::support::{Server, database};

/// Changes of a metric: of one section, of its words, of its rich texts, and of a removed text.
fn changes() -> [Value; 4] {
    [
        json!({"tags": ["x", "y"]}),
        json!({"category": "Costs", "governance": governance()}),
        json!({"description": "<b>Sum</b> <hr>of all"}),
        json!({"metadata": {"example_queries": []}, "name": "Renamed"}),
    ]
}

fn governance() -> Value {
    let mut governance = metric_with("m", &json!({}))["governance"].clone();
    governance["status"] = json!("draft");
    governance["updated_at"] = json!("2025-01-01T01:00:00.500+01:00");
    governance
}

/// Returns a metric and its history without what tells it from another one.
async fn state(server: &Server, token: &str, id: &str) -> Value {
    let path = format!("/api/v1/metrics/{id}");
    let mut metric = server.get(&path, token).await.expect(200).json()["data"].clone();
    let mut history = server.get(&format!("{path}/history"), token).await.expect(200).json();
    metric["metric_id"].take();
    for name in ["created_at", "last_updated"] {
        metric["metadata"][name].take();
    }
    for entries in [&mut metric["metadata"]["change_history"], &mut history["data"]] {
        entries.as_array_mut().unwrap().iter_mut().for_each(|entry| {
            entry["changed_at"].take();
        });
    }
    json!([metric, history["data"]])
}

#[actix_web::test]
async fn import_changes_metrics_as_single_changes_do_with_one_statement() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut imported = vec![metric_with("new", &json!({})), metric_with("same", &json!({}))];
    server.post("/api/v1/metrics", &admin, &imported[1]).await.expect(201);
    for (number, change) in changes().iter().enumerate() {
        for kind in ["put", "import"] {
            let old = metric_with(&format!("{kind}-{number}"), &json!({"name": "Name"}));
            server.post("/api/v1/metrics", &admin, &old).await.expect(201);
        }
        let path = format!("/api/v1/metrics/put-{number}");
        server.put(&path, &admin, change).await.expect(200);
        let mut new = metric_with(&format!("import-{number}"), &json!({"name": "Name"}));
        for (name, value) in change.as_object().unwrap() {
            new[name] = value.clone();
        }
        imported.push(new);
    }
    let epoch = "SELECT epoch FROM catalogue_epochs";
    let before: i64 = database::sql(&server.database_url, epoch).await[0][0].parse().unwrap();
    let document = json!({"metrics": imported});
    let report = server.post("/api/v1/import", &admin, &document).await.expect(200).json();
    let counts = json!({"created": 1, "updated": 4, "unchanged": 1, "errors": 0});
    assert_eq!(report["data"]["counts"], counts);
    // One statement that changes metrics and one that creates them.
    let after: i64 = database::sql(&server.database_url, epoch).await[0][0].parse().unwrap();
    assert_eq!(after - before, 2);
    for number in 0..changes().len() {
        let put = state(&server, &admin, &format!("put-{number}")).await;
        let import = state(&server, &admin, &format!("import-{number}")).await;
        assert_eq!(put, import);
        assert_eq!(put[0]["metadata"]["change_history"].as_array().unwrap().len(), 2);
    }
    // A metric that was deleted continues its versions.
    server.delete("/api/v1/metrics/new", &admin).await.expect(200);
    server.post("/api/v1/import", &admin, &document).await.expect(200);
    let new = server.get("/api/v1/metrics/new", &admin).await.expect(200).json();
    assert_eq!(new["data"]["metadata"]["version"], "2.0.0");
    server.stop().await;
}
