//! What the served OpenAPI document takes from the configuration, and the headers that it declares.

use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server};

async fn served(server: &Server) -> Value {
    server.get("/api-docs/openapi.json", "").await.expect(200).json()
}

#[actix_web::test]
async fn security_follows_the_configuration() {
    let closed = served(&Server::start().await).await;
    let open = served(&Server::with(&["--anonymous-read", "true"]).await).await;
    let credentials = json!([{"bearer": []}, {"api_key": []}]);
    let anonymous = json!([{}, {"bearer": []}, {"api_key": []}]);
    for path in ["/api/v1/metrics", "/api/v1/metrics/{id}", "/api/v1/domains"] {
        assert_eq!(closed["paths"][path]["get"]["security"], credentials, "{path}");
        assert_eq!(open["paths"][path]["get"]["security"], anonymous, "{path}");
    }
    for document in [&closed, &open] {
        let paths = &document["paths"];
        assert_eq!(paths["/api/v1/metrics"]["post"]["security"], credentials);
        for (path, method) in [("/api/auth/login", "post"), ("/health", "get"), ("/api/v1", "get")]
        {
            assert_eq!(paths[path][method]["security"], json!([]), "{path}");
        }
    }
}

#[actix_web::test]
async fn server_and_precondition_follow_the_configuration() {
    let document = served(&Server::start().await).await;
    assert_eq!(document["servers"][0]["url"], "/");
    let required = |document: &Value| {
        let parameters = document["paths"]["/api/v1/metrics/{id}"]["put"]["parameters"].clone();
        let mut parameters = parameters.as_array().unwrap().clone().into_iter();
        parameters.find(|one| one["name"] == "If-Match").unwrap()["required"].clone()
    };
    assert_eq!(required(&document), false);
    let options = ["--public-url", "https://mdl.example.com", "--require-if-match", "true"];
    let document = served(&Server::with(&options).await).await;
    assert_eq!(document["servers"][0]["url"], "https://mdl.example.com");
    assert_eq!(required(&document), true);
}

/// Asserts that the document declares the headers of a response that are ours.
fn assert_declared(document: &Value, (path, method): (&str, &str), answer: &Answer) {
    let status = answer.status.to_string();
    let mut response = &document["paths"][path][method]["responses"][&status];
    if let Some(named) = response["$ref"].as_str() {
        response = document.pointer(named.trim_start_matches('#')).unwrap();
    }
    let declared = response["headers"].as_object().unwrap();
    // Those of every response of every route, which `docs/security-headers.md` lists.
    let general = [
        "content-",
        "cache-control",
        "connection",
        "cross-origin-",
        "date",
        "origin-agent-cluster",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "x-content-type-options",
        "x-dns-prefetch-control",
        "x-download-options",
        "x-frame-options",
        "x-permitted-",
        "x-xss-protection",
    ];
    for name in answer.headers.keys() {
        let name = name.as_str();
        let known = general.iter().any(|prefix| name.starts_with(prefix))
            || declared.keys().any(|one| one.eq_ignore_ascii_case(name));
        assert!(known, "{method} {path} {status}: {name} is not declared");
    }
}

#[actix_web::test]
async fn sent_headers_are_declared() {
    let limits = ["--rate-limit-enabled", "true", "--rate-limit-general-max", "14"];
    let server = Server::with(&limits).await;
    let document = served(&server).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (list, item) = ("/api/v1/metrics", "/api/v1/metrics/{id}");
    let created = server.post(list, &admin, &metric("m")).await.expect(201);
    assert_declared(&document, (list, "post"), &created);
    let conflict = server.post(list, &admin, &metric("m")).await.expect(409);
    assert_declared(&document, (list, "post"), &conflict);
    let all = server.get(list, &admin).await.expect(200);
    assert_declared(&document, (list, "get"), &all);
    let one = server.get("/api/v1/metrics/m", &admin).await.expect(200);
    assert_declared(&document, (item, "get"), &one);
    let tag = [("if-none-match", one.header("etag"))];
    let same = server.send(reqwest::Method::GET, "/api/v1/metrics/m", &admin, &tag, None).await;
    assert_declared(&document, (item, "get"), &same.expect(304));
    let missing = server.get("/api/v1/metrics/x", &admin).await.expect(404);
    assert_declared(&document, (item, "get"), &missing);
    let other = server.put_if("/api/v1/metrics/m", &admin, "\"9.9.9\"", &json!({})).await;
    assert_declared(&document, (item, "put"), &other.expect(412));
    let anonymous = server.get(list, "").await.expect(401);
    assert_declared(&document, (list, "get"), &anonymous);
    let unknown = server.get("/api/v1/metrics?x=1", "").await.expect(400);
    assert_declared(&document, (list, "get"), &unknown);
    let health = server.get("/health", "").await.expect(200);
    assert_declared(&document, ("/health", "get"), &health);
    let mut refused = server.get(list, &admin).await;
    while refused.status != 429 {
        refused = server.get(list, &admin).await;
    }
    assert_declared(&document, (list, "get"), &refused);
}
