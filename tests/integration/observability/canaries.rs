//! No secret reaches a log sink: canary values are sent to every route, in every part of a request
//! that a client controls.

use std::collections::BTreeSet;

use mdl::telemetry::shipping::CAPACITY;
use reqwest::Method;
use serde_json::{Value, json};

use crate::observability::elasticsearch::{documents, options};
use crate::observability::logger::Shipped;
use crate::observability::tools::Tool;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, json_body, refresh_token, samples, token};

/// Prefix of every secret that the test makes up.
const CANARY: &str = "canary-5f2c";

/// Collects the values of secret fields anywhere in a response.
fn collect_secrets(response: &Value, found: &mut BTreeSet<String>) {
    match response {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(secret)
                        if ["access_token", "refresh_token", "api_key"]
                            .contains(&name.as_str()) =>
                    {
                        found.insert(secret.to_owned());
                    }
                    _ => collect_secrets(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_secrets(item, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn no_secret_reaches_a_sink_by_any_route() {
    let elasticsearch = Tool::elasticsearch();
    let options = options(&elasticsearch.url());
    let mut shipped =
        Shipped::start(&options.iter().map(String::as_str).collect::<Vec<_>>(), CAPACITY);
    let server = Server::shipping(
        shipped.logger.clone(),
        shipped.sinks.clone(),
        &["--registration-enabled", "true"],
    )
    .await;
    let mut known =
        BTreeSet::from([ADMIN_PASSWORD.to_owned(), PASSWORD.to_owned(), CANARY.to_owned()]);
    let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let admin = token(&login);
    collect_secrets(&login.json(), &mut known);

    // Real secrets, used correctly.
    let refreshed = server
        .post("/api/auth/refresh", "", &json!({"refresh_token": refresh_token(&login)}))
        .await;
    collect_secrets(&refreshed.expect(200).json(), &mut known);
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    known.insert(key.clone());
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    let rotated = server.post(&format!("/api/auth/api-keys/{id}/rotate"), &admin, &json!({})).await;
    collect_secrets(&rotated.json(), &mut known);
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &samples::metric("m1")).await.expect(201);

    // Canaries everywhere, without credentials and as an administrator.
    let document = server.get("/api-docs/openapi.json", &admin).await.expect(200).json();
    let body = json!({
        "username": "somebody",
        "email": "s@example.com",
        "full_name": "S",
        "password": format!("{CANARY}-password"),
        "current_password": format!("{CANARY}-current"),
        "new_password": format!("{CANARY}-new"),
        "refresh_token": format!("{CANARY}-refresh"),
        "token": format!("{CANARY}-token"),
        "name": format!("{CANARY}-name"),
        "api_key": format!("mdl_{CANARY}"),
        "metrics": [{"name": format!("{CANARY}-metric")}],
    });
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let segments = path.replace('{', "canary-5f2c-").replace('}', "");
            let path = path.replace(['{', '}'], "");
            let query = format!("{path}?search={CANARY}-query&token={CANARY}-parameter");
            let cookie = ("cookie", "session=canary-5f2c-cookie");
            let agent = ("user-agent", "canary-5f2c-agent");
            let bearer = ("authorization", "Bearer canary-5f2c.bearer.token");
            let basic = ("authorization", "Basic canary-5f2c-basic");
            let api_key = ("x-api-key", "mdl_canary-5f2c_key");
            for (path, token, headers) in [
                (&query, "", vec![cookie, bearer]),
                (&path, "", vec![agent, basic]),
                (&path, "", vec![api_key, ("idempotency-key", "canary-5f2c-once")]),
                (&query, admin.as_str(), vec![cookie]),
                (&path, admin.as_str(), vec![("if-match", "\"canary-5f2c\"")]),
                (&segments, admin.as_str(), vec![]),
            ] {
                server.send(method.clone(), path, token, &headers, Some(json_body(&body))).await;
                let broken = (
                    "application/json",
                    format!("{{\"password\": \"{CANARY}-broken\" oops").into_bytes(),
                );
                server.send(method.clone(), path, token, &headers, Some(broken)).await;
            }
            operations += 1;
            // One of the operations is the log-out, which revokes the administrator's session.
            let again = server.login("admin", ADMIN_PASSWORD).await;
            collect_secrets(&again.json(), &mut known);
        }
    }
    assert!(operations > 30, "{operations}");
    server.stop().await;
    shipped.close().await;

    let mut documents = documents(&elasticsearch.url()).await;
    let text =
        |documents: &[Value]| documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    for issued in known.iter().filter(|secret| *secret != CANARY) {
        assert!(!text(&documents).contains(issued), "{issued} was shipped");
    }
    // Path and user agent are logged, in fields of their own; no other part of a request is.
    for document in documents.iter_mut().filter_map(Value::as_object_mut) {
        document.remove("path");
        document.remove("user_agent");
    }
    let shipped_text = text(&documents);
    assert!(
        documents.iter().filter(|document| document["message"] == "request").count()
            > operations * 9
    );
    for secret in known {
        assert!(!secret.is_empty());
        assert!(!shipped_text.contains(&secret), "{secret} was shipped");
    }
    assert!(!shipped_text.contains("only-for-tests"), "the token secrets were shipped");
}
