//! Query parameters that no operation declares are refused on every route.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Server};

const COUNTED: [&str; 6] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-burst-per-second",
    "100000",
    "--rate-limit-general-max",
    "100000",
];

struct Operation {
    method: Method,
    pattern: String,
    /// With an example for each parameter.
    path: String,
    parameters: Vec<String>,
}

/// Returns the operations of the served document, and HEAD for each GET.
async fn operations(server: &Server) -> Vec<Operation> {
    let document = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let mut found = Vec::new();
    for (pattern, item) in document["paths"].as_object().unwrap() {
        let segments =
            pattern.split('/').map(|part| if part.starts_with('{') { "example" } else { part });
        let path = segments.collect::<Vec<_>>().join("/");
        for (method, operation) in item.as_object().unwrap() {
            let methods = match method.as_str() {
                "get" => vec![Method::GET, Method::HEAD],
                other => vec![Method::from_bytes(other.to_uppercase().as_bytes()).unwrap()],
            };
            let parameters = query_parameters(operation);
            found.extend(methods.into_iter().map(|method| Operation {
                method,
                pattern: pattern.clone(),
                path: path.clone(),
                parameters: parameters.clone(),
            }));
        }
    }
    found
}

fn query_parameters(operation: &Value) -> Vec<String> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the parameters that the answer calls unknown.
fn unknown(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let details = body["error"]["details"].as_array().cloned().unwrap_or_default();
    let unknown = details.iter().filter(|one| one["message"] == "is not a known parameter");
    unknown.map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn unknown_parameter_is_refused_on_every_route() {
    let options = [&COUNTED[..], &["--registration-enabled", "true"]].concat();
    let server = Server::with(&options).await;
    let admin = server.admin().await;
    let all = operations(&server).await;
    assert!(all.len() > 41, "{}", all.len());
    for Operation { method, pattern, path, parameters } in all {
        // Whatever the credentials are: none, valid ones, or bad ones.
        for token in ["", admin.as_str(), "forged"] {
            let what = format!("{method} {path} {token}");
            let refused = format!("{path}?nonsense=1");
            let answer = server.send(method.clone(), &refused, token, &[], None).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text);
            let exempt = pattern.starts_with("/health") && !pattern.contains("circuit");
            assert_eq!(answer.header("ratelimit").is_empty(), exempt, "{what}");
            for name in ["x-request-id", "content-security-policy", "x-content-type-options"] {
                assert!(!answer.header(name).is_empty(), "{what}: {name}");
            }
            if method != Method::HEAD {
                let answer = answer.expect_error(400, "VALIDATION_ERROR");
                assert_eq!(unknown(&answer), ["nonsense"], "{what}");
            }
            let logged = server.logs.lines();
            let line = logged.iter().rfind(|line| line["msg"] == "request").unwrap();
            assert_eq!(line["route"], pattern.as_str(), "{line}");
            assert_eq!(line["status"], 400, "{line}");
        }
        if method == Method::HEAD {
            continue;
        }
        for name in &parameters {
            let query = format!("{path}?{name}=x");
            let answer = server.send(method.clone(), &query, &admin, &[], None).await;
            assert!(unknown(&answer).is_empty(), "{method} {query}: {}", answer.text);
            let query = format!("{path}?{name}=x&{name}=x&Nonsense=1");
            let answer = server.send(method.clone(), &query, &admin, &[], None).await;
            let answer = answer.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(answer.fields(), ["Nonsense", name.as_str()], "{method} {query}");
        }
    }
}

#[actix_web::test]
async fn unknown_parameters_are_counted_as_other_400s() {
    let server = Server::start().await;
    server.get("/api/v1/metrics/m?q=1", "").await.expect(400);
    let series =
        "http_requests_total{method=\"GET\",route=\"/api/v1/metrics/{id}\",status_code=\"400\"}";
    assert!((server.reading(series).await - 1.0).abs() < f64::EPSILON);
}

#[actix_web::test]
async fn exposition_has_no_parameters_and_pages_may_have_any() {
    let server = Server::with(&["--metrics-enabled", "true"]).await;
    let exposition = server.metrics.clone().unwrap();
    let plain = reqwest::get(&exposition).await.unwrap();
    assert_eq!(plain.status(), 200);
    let refused = reqwest::get(format!("{exposition}?name[]=up")).await.unwrap();
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["details"][0]["field"], "name[]");
    for path in ["/api-docs/", "/api-docs/swagger-ui.css", "/api-docs/openapi.json"] {
        server.get(&format!("{path}?v=1"), "").await.expect(200);
    }
    // What matches no operation keeps its answer.
    server.get("/nowhere?x=1", "").await.expect_error(404, "NOT_FOUND");
    server.delete("/api/v1/metrics?x=1", "").await.expect_error(405, "METHOD_NOT_ALLOWED");
    let registration = server.send(Method::POST, "/api/auth/register?x=1", "", &[], None).await;
    registration.expect_error(404, "NOT_FOUND");
    server.get("/api/v1/?x=1", "").await.expect_error(400, "VALIDATION_ERROR");
}
