//! The schemas of the OpenAPI document: named once, referred to everywhere, and in agreement with
//! what the service accepts.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, json_body};

fn document() -> Value {
    serde_json::to_value(mdl::http::server::document()).unwrap()
}

/// Finds the schemas of objects with properties and of enumerations that have no name.
fn inline_schemas(part: &Value, pointer: &str, found: &mut Vec<String>) {
    match part {
        Value::Object(map) => {
            if map.contains_key("properties") || map.contains_key("enum") {
                found.push(pointer.to_owned());
            }
            for (name, inner) in map {
                if name != "example" && name != "examples" {
                    inline_schemas(inner, &format!("{pointer}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                inline_schemas(inner, &format!("{pointer}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn operation<'a>(document: &'a Value, id: &str) -> &'a Value {
    let items = document["paths"].as_object().unwrap().values();
    let mut all = items.flat_map(|item| item.as_object().unwrap().values());
    all.find(|operation| operation["operationId"] == id).unwrap()
}

fn parameter<'a>(operation: &'a Value, name: &str) -> &'a Value {
    let mut all = operation["parameters"].as_array().unwrap().iter();
    all.find(|parameter| parameter["name"] == name).unwrap()
}

#[test]
fn schemas_have_plain_names_and_are_not_repeated() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let plain = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && !name.ends_with("Body")
            && !name.ends_with("Response");
        assert!(plain, "{name}");
        let mut inline = Vec::new();
        for (keyword, inner) in schema.as_object().unwrap() {
            match (keyword.as_str(), inner) {
                ("properties", Value::Object(properties)) => {
                    for (field, inner) in properties {
                        inline_schemas(inner, &format!("{name}/{field}"), &mut inline);
                    }
                }
                ("enum" | "example" | "examples", _) => {}
                _ => inline_schemas(inner, &format!("{name}/{keyword}"), &mut inline),
            }
        }
        assert!(inline.is_empty(), "{inline:?}");
    }
    let mut inline = Vec::new();
    inline_schemas(&document["paths"], "paths", &mut inline);
    inline_schemas(&document["components"]["responses"], "responses", &mut inline);
    assert!(inline.is_empty(), "{inline:?}");
    for expected in ["Metric", "MetricPage", "MetricEnvelope", "Error", "ErrorEnvelope"] {
        assert!(schemas.contains_key(expected), "{expected}");
    }
    let item = &schemas["MetricPage"]["properties"]["data"]["items"];
    assert_eq!(*item, json!({"$ref": "#/components/schemas/Metric"}));
}

#[test]
fn inline_schemas_are_found() {
    let mut found = Vec::new();
    let part = json!({"items": {"properties": {}}, "a": [{"enum": ["x"]}], "example": {"enum": 1}});
    inline_schemas(&part, "", &mut found);
    assert_eq!(found, ["/a/0", "/items"]);
}

#[test]
fn success_is_a_constant() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut envelopes = 0;
    for (name, schema) in schemas {
        if let Some(success) = schema["properties"].get("success") {
            assert_eq!(success["const"], name != "ErrorEnvelope", "{name}");
            envelopes += 1;
        }
    }
    assert!(envelopes > 10, "{envelopes}");
}

#[test]
fn error_codes_are_those_of_the_service() {
    let source = include_str!("../../../src/http/error.rs");
    let body = source.split_once("pub fn code(").unwrap().1.split_once("\n    }\n").unwrap().0;
    let used: BTreeSet<&str> = body.split('"').skip(1).step_by(2).collect();
    let document = document();
    let declared = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let declared: BTreeSet<&str> = declared.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(declared, used);
    let code = &document["components"]["schemas"]["Error"]["properties"]["code"]["$ref"];
    assert_eq!(code, "#/components/schemas/ErrorCode");
}

#[test]
fn properties_keep_the_order_of_the_types() {
    let text = mdl::http::server::document().to_json().unwrap();
    let metric = text.split_once("\"Metric\":{").unwrap().1;
    let names = ["metric_id", "name", "short_name", "description", "category", "tier", "metadata"];
    let places = names.map(|name| metric.find(&format!("\"{name}\":{{")).unwrap());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn parameters_are_never_null_and_name_their_values() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                let single = schema["$ref"].is_string() || schema["type"].is_string();
                assert!(single && schema.get("oneOf").is_none(), "{parameter}");
                assert!(parameter["description"].is_string(), "{parameter}");
            }
        }
    }
    let list = operation(&document, "list_metrics");
    for (name, schema) in [
        ("tier", "Tier"),
        ("metric_type", "MetricType"),
        ("status", "MetricStatus"),
        ("sort", "MetricSort"),
    ] {
        let reference = parameter(list, name)["schema"]["$ref"].as_str().unwrap();
        assert_eq!(reference, format!("#/components/schemas/{schema}"), "{name}");
        assert!(schemas[schema]["enum"].as_array().unwrap().len() > 2, "{name}");
    }
    assert!(schemas["MetricSort"]["enum"].as_array().unwrap().contains(&json!("-updated_at")));
    assert!(schemas["Id"]["pattern"].is_string());
    let id = parameter(operation(&document, "get_metric"), "id");
    assert_eq!(id["schema"]["$ref"], "#/components/schemas/Id");
    assert!(schemas["AuditAction"]["enum"].as_array().unwrap().contains(&json!("login.failed")));
    let filter = schemas["AuditActionFilter"]["pattern"].as_str().unwrap();
    assert!(filter.contains(r"login\.failed") && filter.contains(r"api_key\.\*"), "{filter}");
}

fn accepts_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind == "null";
    match (&schema["type"], &schema["oneOf"]) {
        (Value::Array(kinds), _) => kinds.iter().any(is_null),
        (Value::Null, Value::Array(choices)) => choices.iter().any(accepts_null),
        (Value::Null, _) => schema.get("$ref").is_none(),
        (kind, _) => is_null(kind),
    }
}

#[test]
fn merge_patch_requires_nothing_and_removes_what_is_optional() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (id, item) in [("patch_metric", "Metric"), ("patch_domain", "BusinessDomain")] {
        let content = &operation(&document, id)["requestBody"]["content"];
        let named = &content["application/merge-patch+json"]["schema"]["$ref"];
        assert_eq!(*named, format!("#/components/schemas/{item}MergePatch"));
    }
    let mut sections = 0;
    for (name, patch) in schemas {
        let Some(whole) = name.strip_suffix("MergePatch").map(|whole| &schemas[whole]) else {
            continue;
        };
        sections += 1;
        assert!(patch.get("required").is_none(), "{name}");
        let required = whole["required"].as_array().cloned().unwrap_or_default();
        for (field, schema) in patch["properties"].as_object().unwrap() {
            let is_required = required.contains(&json!(field));
            assert!(is_required || accepts_null(schema), "{name}.{field}: {schema}");
            // An object in a patch is a patch, too. (A list is replaced as a whole.)
            let text = schema.to_string();
            for (section, inner) in
                schemas.iter().filter(|(_, inner)| inner["properties"].is_object())
            {
                let reference = format!("\"$ref\":\"#/components/schemas/{section}\"");
                let is_patch = section.ends_with("MergePatch") || schema["items"].is_object();
                assert!(is_patch || !text.contains(&reference), "{name}.{field}: {inner}");
            }
        }
    }
    assert!(sections > 8, "{sections}");
    // What drafts need, too; they may lose the other fields.
    for (section, field) in [("Metric", "name"), ("Governance", "status")] {
        let needed = &schemas[&format!("{section}MergePatch")]["properties"][field];
        assert!(needed.is_object() && !accepts_null(needed), "{needed}");
    }
    assert!(accepts_null(&schemas["DefinitionMergePatch"]["properties"]["unit"]));
    assert!(accepts_null(&schemas["MetadataMergePatch"]["properties"]["notes"]));
}

#[actix_web::test]
async fn metric_sort_and_states_are_accepted_as_declared() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (schema, name) in [
        ("MetricSort", "sort"),
        ("Tier", "tier"),
        ("MetricType", "metric_type"),
        ("MetricStatus", "status"),
    ] {
        for value in schemas[schema]["enum"].as_array().unwrap() {
            let path = format!("/api/v1/metrics?{name}={}", value.as_str().unwrap());
            server.get(&path, &admin).await.expect(200);
        }
    }
    for outcome in schemas["AuditOutcome"]["enum"].as_array().unwrap() {
        let path = format!("/api/v1/audit?outcome={}", outcome.as_str().unwrap());
        server.get(&path, &admin).await.expect(200);
    }
    for action in schemas["AuditAction"]["enum"].as_array().unwrap() {
        let path = format!("/api/v1/audit?limit=1&action={}", action.as_str().unwrap());
        server.get(&path, &admin).await.expect(200);
    }
}

#[actix_web::test]
async fn optional_parts_are_optional_for_the_service_too() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = document();
    let schemas = &document["components"]["schemas"];
    // Either list of a catalogue may be absent.
    assert!(schemas["Catalogue"].get("required").is_none());
    let domain = json!({"domain_id": "d", "name": "D"});
    for catalogue in [json!({"domains": [domain]}), json!({"metrics": []}), json!({})] {
        server.post("/api/v1/import?dry_run=true", &admin, &catalogue).await.expect(200);
    }
    // A change of an API key names at least one field.
    assert_eq!(schemas["ApiKeyPatch"]["minProperties"], 1);
    let (id, _) = server.key(&admin, &["metrics:read"]).await;
    let path = format!("/api/auth/api-keys/{id}");
    server.patch(&path, &admin, &json!({})).await.expect_error(400, "VALIDATION_ERROR");
    // The body of a rotation may be absent, but is not null.
    let body = &operation(&document, "rotate_api_key")["requestBody"];
    assert_ne!(body["required"], true);
    let schema = &body["content"]["application/json"]["schema"];
    assert_eq!(*schema, json!({"$ref": "#/components/schemas/ApiKeyRotation"}));
    let rotate = format!("{path}/rotate");
    server.post(&rotate, &admin, &Value::Null).await.expect_error(400, "VALIDATION_ERROR");
    server.send(Method::POST, &rotate, &admin, &[], None).await.expect(201);
}

#[actix_web::test]
async fn examples_can_be_posted_as_they_are() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let example = |id: &str| {
        let content = operation(&document, id)["requestBody"]["content"].as_object().unwrap();
        content.values().next().unwrap()["example"].clone()
    };
    let (domain, metric) = (example("create_domain"), example("create_metric"));
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    server.post("/api/v1/metrics", &admin, &metric).await.expect(201);
    let path = format!("/api/v1/metrics/{}", metric["metric_id"].as_str().unwrap());
    server.put(&path, &admin, &example("update_metric")).await.expect(200);
    server.merge(&path, &admin, &example("patch_metric")).await.expect(200);
    let path = format!("/api/v1/domains/{}", domain["domain_id"].as_str().unwrap());
    server.put(&path, &admin, &example("update_domain")).await.expect(200);
    server.merge(&path, &admin, &example("patch_domain")).await.expect(200);
    server.post("/api/v1/import", &admin, &example("import_catalogue")).await.expect(200);
    let user = server.post("/api/auth/users", &admin, &example("create_user")).await.expect(201);
    let path = format!("/api/auth/users/{}", user.json()["user"]["user_id"].as_str().unwrap());
    server.put(&path, &admin, &example("update_user")).await.expect(200);
    let (id, _) = server.create_key(&admin, &example("create_api_key")).await;
    let path = format!("/api/auth/api-keys/{id}");
    server.patch(&path, &admin, &example("update_api_key")).await.expect(200);
    let rotation = Some(json_body(&example("rotate_api_key")));
    let rotate = format!("{path}/rotate");
    server.send(Method::POST, &rotate, &admin, &[], rotation).await.expect(201);
    let circuit = "/health/circuit-breakers/metrics";
    server.post(circuit, &admin, &example("control_circuit_breaker")).await.expect(200);
    let reset = example("request_password_reset");
    server.post("/api/auth/password-reset/request", "", &reset).await.expect(202);
}
