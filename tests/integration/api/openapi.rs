//! The `OpenAPI` document: complete, without dangling references, and equal to the committed one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Server;

#[actix_web::test]
async fn document_describes_every_operation() {
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
            // Any operation refuses unknown query parameters.
            assert!(documented("400") && documented("500"), "{method} {path}");
            let security = operation["security"].as_array().unwrap();
            if !security.is_empty() {
                assert!(
                    documented("401") && documented("403") && documented("503"),
                    "{method} {path}"
                );
            }
            if operation["requestBody"].is_object() {
                assert!(
                    documented("408") && documented("413") && documented("415"),
                    "{method} {path}"
                );
            }
            if path.contains('{') {
                assert!(documented("404"), "{method} {path}");
            }
            for (status, response) in responses {
                let response = resolved(&document, response);
                let what = format!("{method} {path} {status}");
                assert!(response["headers"]["X-Request-ID"].is_object(), "{what}");
                if status.starts_with('4') || status.starts_with('5') && path != "/health/ready" {
                    let shape = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(shape, "#/components/schemas/ErrorEnvelope", "{what}");
                }
            }
        }
    }
    assert_eq!(operations, 54);
    assert_references(&document, &document);
}

/// Follows a reference to a named part of the document.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let reference = part["$ref"].as_str();
    reference.map_or(part, |named| document.pointer(named.trim_start_matches('#')).unwrap())
}

/// Asserts that every `$ref` names a part of the document.
fn assert_references(document: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                assert!(
                    document.pointer(reference.trim_start_matches('#')).is_some(),
                    "{reference}"
                );
            }
            map.values().for_each(|inner| assert_references(document, inner));
        }
        Value::Array(items) => items.iter().for_each(|inner| assert_references(document, inner)),
        _ => {}
    }
}

/// Names the first part in which two documents differ, as a JSON pointer.
fn first_difference(left: &Value, right: &Value, pointer: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| {
                let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => first_difference(a, b, &at),
                    _ => Some(at),
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (a, b))| first_difference(a, b, &format!("{pointer}/{at}")))
        }
        _ => (left != right).then(|| pointer.to_owned()),
    }
}

#[actix_web::test]
async fn document_is_the_committed_one() {
    let server = Server::start().await;
    let served = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    let excerpt = |document: &Value, pointer: &str| -> String {
        format!("{:?}", document.pointer(pointer)).chars().take(500).collect()
    };
    if let Some(pointer) = first_difference(&served, &committed, "") {
        panic!(
            "docs/openapi.json differs from the service at {pointer:?}; if that is intended, run \
             `cargo run -- openapi > docs/openapi.json` and commit it\n\
             service: {}\ncommitted: {}",
            excerpt(&served, &pointer),
            excerpt(&committed, &pointer)
        );
    }
}

#[test]
fn first_difference_is_found() {
    let document = json!({"a": {"b/c": [1, 2]}, "d": null});
    let difference = |other: Value| first_difference(&document, &other, "");
    assert_eq!(difference(document.clone()), None);
    let changed = json!({"a": {"b/c": [1, 3]}, "d": null});
    assert_eq!(difference(changed).as_deref(), Some("/a/b~1c/1"));
    let shorter = json!({"a": {"b/c": [1]}, "d": null});
    assert_eq!(difference(shorter).as_deref(), Some("/a/b~1c"));
    assert_eq!(difference(json!({"a": {"b/c": [1, 2]}})).as_deref(), Some("/d"));
}
