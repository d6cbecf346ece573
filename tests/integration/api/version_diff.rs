//! Comparisons of two versions: by field, as a JSON Patch, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::versions::version;
use crate::support::Answer;
use crate::support::Server;
use crate::support::samples::metric;

const M1: &str = "/api/v1/metrics/m1";
const JSON_PATCH: &str = "application/json-patch+json";

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    (server, admin)
}

async fn diff(server: &Server, token: &str, query: &str, accept: &str) -> Answer {
    let path = format!("{M1}/diff?{query}");
    server.send(Method::GET, &path, token, &[("accept", accept)], None).await
}

#[actix_web::test]
async fn comparison_names_fields_with_old_and_new_value_and_words() {
    let (server, admin) = started().await;
    let change = json!({
        "tags": ["a", "b & c", "d"],
        "description": "What <b>it</b> tells about customers who left",
        "metadata": {"example_queries": []},
        "targets_and_alerts": {"alert_rules": [{"rule_id": "r", "condition": "x < 2",
            "severity": "critical", "notify_channels": ["#c"], "evaluation_window": "5m"}]},
    });
    server.merge(M1, &admin, &change).await.expect(200);
    server.merge(M1, &admin, &json!({"metadata": {"notes": null}})).await.expect(200);
    let answer = diff(&server, &admin, "from=1.0.0&to=1.1.1", "*/*").await.expect(200);
    assert_eq!(answer.header("etag"), "\"1.0.0..1.1.1\"");
    assert_eq!(answer.header("cache-control"), "private, max-age=31536000, immutable");
    assert!(answer.header("vary").contains("accept"), "{:?}", answer.headers);
    let data = answer.json()["data"].clone();
    assert_eq!((&data["from"]["version"], &data["to"]["revision"]), (&json!("1.0.0"), &json!(3)));
    let changes = data["changes"].as_array().unwrap();
    let paths: Vec<&str> = changes.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "description",
            "metadata.example_queries",
            "metadata.notes",
            "tags",
            "targets_and_alerts.alert_rules[0].condition",
        ]
    );
    assert_eq!(
        changes[0],
        json!({
            "path": "description", "pointer": "/description",
            "old": "What <b>it</b> tells",
            "new": "What <b>it</b> tells about customers who left",
            "spans": [
                {"kind": "equal", "text": "What <b>it</b> tells"},
                {"kind": "added", "text": " about customers who left"},
            ],
        })
    );
    // A field that is absent has no value, and is not null.
    let notes = json!({"path": "metadata.notes", "pointer": "/metadata/notes", "old": "R&D"});
    assert_eq!(changes[2], notes);
    assert_eq!(changes[4]["pointer"], "/targets_and_alerts/alert_rules/0/condition");
    // The other direction has the values exchanged.
    let back = diff(&server, &admin, "from=1.1.1&to=1.0.0", "*/*").await.expect(200).json();
    assert_eq!(back["data"]["changes"][2]["new"], "R&D");
    assert_eq!(back["data"]["changes"][3]["new"], json!(["a", "b & c"]));
}

#[actix_web::test]
async fn json_patch_turns_one_version_into_the_other() {
    let (server, admin) = started().await;
    let change =
        json!({"tags": [], "definition": {"example_calculation": {"a/b~c": 1, "b": null}}});
    server.merge(M1, &admin, &change).await.expect(200);
    let answer = diff(&server, &admin, "from=1.0.0&to=1.0.1", JSON_PATCH).await.expect(200);
    assert_eq!(answer.header("content-type"), JSON_PATCH);
    assert_eq!(answer.header("etag"), "\"1.0.0..1.0.1+patch\"");
    let content = async |wanted: &str| {
        version(&server, &admin, wanted).await.expect(200).json()["data"]["content"].clone()
    };
    let mut document = content("1.0.0").await;
    let patch: json_patch::Patch = serde_json::from_str(&answer.text).unwrap();
    json_patch::patch(&mut document, &patch).unwrap();
    assert_eq!(document, content("1.0.1").await);
    // Both media types are cached, each for itself.
    let list = diff(&server, &admin, "from=1.0.0&to=1.0.1", "application/json").await.expect(200);
    assert!(list.header("content-type").starts_with("application/json;"));
    assert!(list.json()["data"]["changes"].is_array());
    let again = diff(&server, &admin, "from=1.0.0&to=1.0.1", JSON_PATCH).await.expect(200);
    assert_eq!(again.text, answer.text);
    let path = format!("{M1}/diff?from=1.0.0&to=1.0.1");
    for (accept, known, status) in [
        (JSON_PATCH, "\"1.0.0..1.0.1+patch\"", 304),
        ("*/*", "\"1.0.0..1.0.1+patch\"", 200),
        ("*/*", "\"1.0.0..1.0.1\"", 304),
    ] {
        let headers = [("accept", accept), ("if-none-match", known)];
        server.send(Method::GET, &path, &admin, &headers, None).await.expect(status);
    }
    // A compressed one is the same patch.
    let headers = [("accept", JSON_PATCH), ("accept-encoding", "gzip")];
    let compressed = server.send(Method::GET, &path, &admin, &headers, None).await.expect(200);
    assert_eq!(compressed.header("content-type"), JSON_PATCH);
}

#[actix_web::test]
async fn comparisons_that_make_no_sense_are_refused() {
    let (server, admin) = started().await;
    server.put(M1, &admin, &json!({"tags": []})).await.expect(200);
    for (query, field) in [
        ("from=1.0.0&to=1.0.0", "to"),
        ("from=1.0.0", "to"),
        ("to=1.0.0", "from"),
        ("from=1.0.0&to=", "to"),
        ("from=1.0.0&to=latest", "to"),
        ("from=1.0.0%00&to=1.0.1", "from"),
        ("from=1.0.0&to=1.0.1&to=1.0.1", "to"),
        ("from=1.0.0&to=1.0.1&page=1", "page"),
    ] {
        let refused = diff(&server, &admin, query, "*/*").await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [field], "{query}");
    }
    let missing = diff(&server, &admin, "", "*/*").await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(missing.fields(), ["from", "to"]);
    for query in ["from=1.0.0&to=7.0.0", "from=7.0.0&to=1.0.0"] {
        diff(&server, &admin, query, JSON_PATCH).await.expect_error(404, "NOT_FOUND");
    }
}

#[actix_web::test]
async fn comparison_of_the_longest_texts_is_answered_soon() {
    let (server, admin) = started().await;
    let queries = |word: &str| -> Value {
        let words: Vec<String> = (0..330).map(|number| format!("{word}{number}")).collect();
        let query = json!({"language": "sql", "query": words.join(" ")});
        json!({"metadata": {"example_queries": vec![query; 90]}})
    };
    server.merge(M1, &admin, &queries("a")).await.expect(200);
    server.merge(M1, &admin, &queries("b")).await.expect(200);
    let started = std::time::Instant::now();
    let answer = diff(&server, &admin, "from=1.0.1&to=1.0.2", "*/*").await.expect(200).json();
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    let changes = answer["data"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 90);
    let with_spans = changes.iter().filter(|change| change["spans"].is_array()).count();
    assert!((1..90).contains(&with_spans), "{with_spans}");
}
