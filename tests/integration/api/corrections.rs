//! All violations of a body are in one response, so a client that knows only the messages corrects
//! it soon.

use serde_json::{Value, json};

use crate::support::Server;
use crate::support::samples::metric;

/// Returns what a message demands in place of a value; null removes it.
fn demanded(message: &str) -> Value {
    let after = |words: &str| message.split_once(words).map(|(_, rest)| rest.to_owned());
    let first = |list: String| list.split(", ").next().unwrap_or_default().to_owned();
    if let Some(choices) = after("must be one of ") {
        return json!(first(choices));
    }
    if let Some(range) = after("must be a whole number from ") {
        return json!(range.split(' ').next().unwrap().parse::<i64>().unwrap());
    }
    match message {
        "is required" | "must be a text" => json!("x"),
        "is not a known field" => Value::Null,
        "must be a number" => json!(1),
        "must be true or false" => json!(true),
        "must be a list of objects" => json!([{}]),
        _ if message.starts_with("must be a list") => json!(["x"]),
        _ if message.starts_with("must be an object") => json!({}),
        _ if message.contains("date and time") => json!("2025-01-01T00:00:00Z"),
        _ if message.contains("URL") => json!("https://example.com/"),
        _ if message.contains("e-mail") => json!("x@example.com"),
        _ if message.contains("3 to 50") => json!("xyz"),
        _ if message.contains("12") => json!("a long enough text 7"),
        _ => panic!("what is to be done? {message}"),
    }
}

/// Sets the value at a path such as `data.primary_sources[0].system`.
fn set(body: &mut Value, path: &str, value: Value) {
    let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
    let (last, parents) = steps.split_last().unwrap();
    let mut at = body;
    for step in parents {
        if let Ok(index) = step.parse::<usize>() {
            at = &mut at[index];
        } else {
            at = &mut at[*step];
        }
        if !at.is_object() && !at.is_array() {
            *at = json!({});
        }
    }
    match (at, last.parse::<usize>()) {
        (Value::Array(items), Ok(index)) => items[index] = value,
        (Value::Object(map), _) if value.is_null() => {
            map.remove(*last);
        }
        (Value::Object(map), _) => {
            map.insert((*last).to_owned(), value);
        }
        other => panic!("{path}: {other:?}"),
    }
}

/// Corrects a body by the messages of the service until it is accepted; returns how many responses
/// of 400 that took.
async fn corrections(server: &Server, token: &str, path: &str, mut body: Value) -> usize {
    for refused in 0..10 {
        let answer = server.post(path, token, &body).await;
        if answer.status == 201 {
            return refused;
        }
        let answer = answer.expect_error(400, "VALIDATION_ERROR").json();
        assert_eq!(answer["error"].get("detailsOmitted"), None);
        for detail in answer["error"]["details"].as_array().unwrap() {
            let (field, message) = (&detail["field"], &detail["message"]);
            set(&mut body, field.as_str().unwrap(), demanded(message.as_str().unwrap()));
        }
    }
    panic!("never accepted: {body}");
}

#[actix_web::test]
async fn first_valid_body_needs_at_most_three_corrections() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let admin = server.admin().await;
    for (path, start, most) in [
        ("/api/v1/domains", json!({"name": "x"}), 1),
        ("/api/v1/metrics", json!({"name": "x"}), 3),
        ("/api/auth/api-keys", json!({"name": "x"}), 3),
        ("/api/auth/users", json!({"name": "x"}), 3),
        (
            "/api/auth/register",
            json!({"username": "reg", "email": "r@example.com", "full_name": 5}),
            3,
        ),
    ] {
        let refused = corrections(&server, &admin, path, start).await;
        assert!(refused <= most, "{path}: {refused}");
    }
}

#[actix_web::test]
async fn structure_is_described_without_types_of_the_implementation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let whole = metric("m1");
    server.post("/api/v1/metrics", &admin, &whole).await.expect(201);
    let refuse = async |body: &Value, expected: &[(&str, &str)]| {
        for answer in [
            server.post("/api/v1/metrics", &admin, body).await,
            server.put("/api/v1/metrics/m1", &admin, body).await,
        ] {
            let answer = answer.expect_error(400, "VALIDATION_ERROR").json();
            let details = answer["error"]["details"].as_array().unwrap().iter();
            let details: Vec<_> = details
                .map(|one| (one["field"].as_str().unwrap(), one["message"].as_str().unwrap()))
                .collect();
            assert_eq!(details, expected);
        }
    };
    let mut body = whole.clone();
    body["alignment"] = json!(["p", [], [], "w"]);
    refuse(&body, &[("alignment", "must be an object")]).await;
    let mut body = whole.clone();
    body["data"]["primary_sources"] = json!([["s", "t", "c"]]);
    body["tags"] = json!({"a": 1});
    body["short_name"] = json!("");
    body["governance"]["pii_involved"] = json!("no");
    body["definition"]["example_calculation"] = json!({"a": "1"});
    refuse(
        &body,
        &[
            ("short_name", "must not be empty"),
            ("tags", "must be a list of texts"),
            ("definition.example_calculation.a", "must be a number"),
            ("data.primary_sources[0]", "must be an object"),
            ("governance.pii_involved", "must be true or false"),
        ],
    )
    .await;
    let (id, _) = server.key(&admin, &["metrics:read"]).await;
    let path = format!("/api/auth/api-keys/{id}");
    for bad in [json!(70_000), json!("7"), json!(0), json!(1.5)] {
        let answer = server.patch(&path, &admin, &json!({"extend_days": bad})).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR").json();
        let message = &answer["error"]["details"][0]["message"];
        assert_eq!(message, "must be a whole number from 1 to 3650");
    }
}
