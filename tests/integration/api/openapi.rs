use serde_json::Value;

use crate::support::Server;

#[actix_web::test]
async fn the_document_describes_what_is_there() {
    let server = Server::start().await;
    let document = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    let mut operations = 0;
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let responses = operation["responses"].as_object().unwrap();
            let documented = |status: &str| responses.contains_key(status);
            assert!(documented("500"), "{method} {path}");
            if operation["security"].is_array() {
                assert!(
                    documented("401") && documented("403") && documented("503"),
                    "{method} {path}"
                );
            }
            if operation["requestBody"].is_object() {
                assert!(
                    documented("400") && documented("413") && documented("415"),
                    "{method} {path}"
                );
            }
            if path.contains('{') {
                assert!(documented("400") && documented("404"), "{method} {path}");
            }
            for (status, response) in responses {
                if status.starts_with('4') || status.starts_with('5') && path != "/health/ready" {
                    let shape = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(shape, "#/components/schemas/ErrorBody", "{method} {path} {status}");
                }
            }
        }
    }
    assert_eq!(operations, 41);
    references_exist(&document, &document);
}

/// Every reference leads somewhere.
fn references_exist(document: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                assert!(
                    document.pointer(reference.trim_start_matches('#')).is_some(),
                    "{reference}"
                );
            }
            map.values().for_each(|inner| references_exist(document, inner));
        }
        Value::Array(items) => items.iter().for_each(|inner| references_exist(document, inner)),
        _ => {}
    }
}

#[actix_web::test]
async fn swagger_ui_needs_nobody_else() {
    let server = Server::start().await;
    assert_eq!(server.get("/api-docs", "").await.expect(308).header("location"), "/api-docs/");
    let page = server.get("/api-docs/", "").await.expect(200);
    assert!(page.text.contains("swagger-ui-bundle.js"));
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let answer = server.get(&format!("/api-docs/{file}"), "").await.expect(200);
        if file.ends_with("initializer.js") {
            assert!(answer.text.contains("\"validatorUrl\": \"none\""), "{}", answer.text);
            assert!(
                !answer.text.contains("http://") && !answer.text.contains("https://"),
                "{}",
                answer.text
            );
        }
    }
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
}
