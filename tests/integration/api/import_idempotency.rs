//! `Idempotency-Key` on imports: a repeated import gets the first response and changes nothing.
//! What becomes of one whose response was lost is in `import_outcomes`.

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server, database, json_body};

pub const IMPORT: &str = "/api/v1/import";
const EVENTS: &str = "SELECT count(*)::text FROM audit_events WHERE action = 'catalogue.imported'";

/// Imports a document with a key.
pub async fn import(server: &Server, token: &str, key: &str, document: &Value) -> Answer {
    import_to(server, IMPORT, token, key, document).await
}

async fn import_to(
    server: &Server,
    path: &str,
    token: &str,
    key: &str,
    document: &Value,
) -> Answer {
    let headers = [("idempotency-key", key)];
    server.send(Method::POST, path, token, &headers, Some(json_body(document))).await
}

/// Returns the number of imports that were done.
pub async fn imports(server: &Server) -> String {
    database::sql(&server.database_url, EVENTS).await.concat().concat()
}

/// Returns a document of one domain and one metric.
fn document(name: &str) -> Value {
    let mut whole = metric("m1");
    whole["name"] = json!(name);
    json!({"domains": [{"domain_id": "d1", "name": "Finance"}], "metrics": [whole]})
}

#[actix_web::test]
async fn repeated_import_gets_the_first_response_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let first = import(&server, &admin, "k", &document("First")).await.expect(200);
    assert_eq!(first.json()["data"]["counts"]["created"], 2);
    // What happens meanwhile does not matter.
    server.put("/api/v1/metrics/m1", &admin, &json!({"name": "Second"})).await.expect(200);
    let epoch = server.state().catalogue.responses.epochs.current();
    for path in [IMPORT, "/api/v1/import?dry_run=false"] {
        let again = import_to(&server, path, &admin, "k", &document("First")).await.expect(200);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    assert_eq!(server.state().catalogue.responses.epochs.current(), epoch);
    assert_eq!(imports(&server).await, "1");
    let stored = server.get("/api/v1/metrics/m1", &admin).await.expect(200).json();
    assert_eq!(stored["data"]["name"], "Second");

    // Another body, and the same one in another format.
    let other = import(&server, &admin, "k", &document("Other")).await;
    other.expect_error(422, "IDEMPOTENCY_MISMATCH");
    let yaml = Some(("application/yaml", document("First").to_string().into_bytes()));
    let other = server.send(Method::POST, IMPORT, &admin, &[("idempotency-key", "k")], yaml).await;
    other.expect_error(422, "IDEMPOTENCY_MISMATCH");
    // Another route.
    let headers = [("idempotency-key", "k")];
    let body = Some(json_body(&metric("m2")));
    let other = server.send(Method::POST, "/api/v1/metrics", &admin, &headers, body).await;
    other.expect_error(422, "IDEMPOTENCY_MISMATCH");
    // Another user.
    let (_, editor) = server.user(&admin, "editor", "editor").await;
    let own = import(&server, &editor, "k", &document("First")).await.expect(200).json();
    assert_eq!(
        own["data"]["counts"],
        json!({"created": 0, "updated": 1, "unchanged": 1,
        "errors": 0})
    );
    // After a day the key may be used again.
    server.advance(24 * 3600 + 1);
    let admin = server.admin().await;
    import(&server, &admin, "k", &document("Other")).await.expect(200);
    assert_eq!(imports(&server).await, "3");
}

#[actix_web::test]
async fn dry_run_ignores_its_key() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let dry = "/api/v1/import?dry_run=true";
    let created = |answer: &Answer| answer.json()["data"]["counts"]["created"].clone();
    let tried = import_to(&server, dry, &admin, "k", &document("First")).await.expect(200);
    assert_eq!(created(&tried), 2);
    let done = import(&server, &admin, "k", &document("Second")).await.expect(200);
    assert_eq!(created(&done), 2);
    let tried = import_to(&server, dry, &admin, "k", &document("First")).await.expect(200);
    assert_eq!(tried.json()["data"]["counts"]["updated"], 1);
    assert_eq!(imports(&server).await, "1");
}

#[actix_web::test]
async fn refused_import_leaves_its_key_unused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // Refused by the document itself, and by what is stored.
    for (number, wrong) in [
        json!({"metrics": [{"metric_id": "m1"}]}),
        json!({"metrics": [metric("m1")]}),
        json!({"domains": [{"domain_id": "d9", "name": "Taken"}, {"domain_id": "d8",
            "name": "Taken"}]}),
    ]
    .iter()
    .enumerate()
    {
        let key = format!("k{number}");
        let first = import(&server, &admin, &key, wrong).await;
        let first = first.expect_error(400, "VALIDATION_ERROR");
        let again = import(&server, &admin, &key, wrong).await;
        assert_eq!(again.expect_error(400, "VALIDATION_ERROR").fields(), first.fields());
        let right = json!({"domains": [{"domain_id": key, "name": key}]});
        import(&server, &admin, &key, &right).await.expect(200);
    }
    assert_eq!(imports(&server).await, "3");
    let stored = "SELECT count(*)::text FROM idempotency_keys";
    assert_eq!(database::sql(&server.database_url, stored).await.concat(), ["3"]);
    // The header has rules of its own.
    let long = "x".repeat(256);
    for key in ["", &long] {
        let answer = import(&server, &admin, key, &document("First")).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), ["Idempotency-Key"]);
    }
}

#[actix_web::test]
async fn repeated_import_is_refused_while_the_first_one_is_running() {
    // The first one waits for a lock as long as this allows.
    let server = Server::with(&["--circuit-breaker-timeout", "120000"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let client = database::connect(&server.database_url).await;
    client.batch_execute("BEGIN; SELECT FROM business_domains FOR UPDATE").await.unwrap();
    let body = document("First");
    let first = import(&server, &admin, "k", &body);
    let others = async {
        database::until_locked(&server.database_url, 1, "%business_domains%").await;
        let second = import(&server, &admin, "k", &body).await;
        let second = second.expect_error(409, "CONFLICT").json();
        let running = "The first request with this Idempotency-Key is still running";
        assert_eq!(second["error"]["message"], running);
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (first, ()) = join(first, others).await;
    let first = first.expect(200);
    let again = import(&server, &admin, "k", &body).await.expect(200);
    assert_eq!(again.text, first.text);
    assert_eq!(imports(&server).await, "1");
}

#[actix_web::test]
async fn concurrent_imports_with_one_key_are_done_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = document("First");
    let answers = join_all((0..8).map(|_| import(&server, &admin, "k", &body))).await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(!done.is_empty());
    assert!(done.iter().all(|answer| answer.text == done[0].text));
    assert_eq!(done[0].json()["data"]["counts"]["created"], 2);
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)), "{answers:?}");
    assert_eq!(imports(&server).await, "1");
}

#[actix_web::test]
async fn first_response_is_not_sent_to_a_caller_who_lost_its_role() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, editor) = server.user(&admin, "editor", "editor").await;
    let body = document("First");
    import(&server, &editor, "k", &body).await.expect(200);
    // The key is a second header behind the token.
    let secret = format!("{editor}\r\nidempotency-key: k");
    let held = server.hold("POST", IMPORT, &secret, &body).await;
    let viewer = json!({"role": "viewer"});
    server.put(&format!("/api/auth/users/{id}"), &admin, &viewer).await.expect(200);
    assert_eq!(held.finish().await.status, 403);
}
