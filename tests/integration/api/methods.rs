//! 405 and `Allow` agree with the router, although they come from the OpenAPI document.

use reqwest::Method;
use serde_json::Value;

use crate::support::Server;

#[actix_web::test]
async fn method_is_routed_exactly_if_allow_lists_it() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let admin = server.admin().await;
    let document: Value = serde_json::to_value(mdl::http::server::document()).unwrap();
    for (pattern, item) in document["paths"].as_object().unwrap() {
        let segments =
            pattern.split('/').map(|part| if part.starts_with('{') { "example" } else { part });
        let path = segments.collect::<Vec<_>>().join("/");
        let mut allowed = Vec::new();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let documented = if method == "HEAD" { "GET" } else { method }.to_lowercase();
            if item.get(documented).is_some() {
                allowed.push(method);
            }
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            // Not the administrator's own sessions and keys.
            if method == "DELETE" && allowed.contains(&method) && !pattern.contains('{') {
                continue;
            }
            let sent = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = server.send(sent, &path, &admin, &[], None).await;
            let what = format!("{method} {path}: {} {}", answer.status, answer.text);
            assert_eq!(answer.status != 405, allowed.contains(&method), "{what}");
            assert!(!answer.text.contains("Route not found"), "{what}");
            if answer.status == 405 {
                assert_eq!(answer.header("allow"), allowed.join(", "), "{what}");
            }
        }
    }
}
