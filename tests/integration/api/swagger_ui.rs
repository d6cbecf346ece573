//! Swagger UI: from this service only, under our title, and cached by browsers.

use reqwest::Method;

use crate::support::Server;

const BUNDLE: &str = "/api-docs/swagger-ui-bundle.js";

#[actix_web::test]
async fn swagger_ui_loads_nothing_from_other_hosts() {
    let server = Server::start().await;
    assert_eq!(server.get("/api-docs", "").await.expect(308).header("location"), "/api-docs/");
    let page = server.get("/api-docs/", "").await.expect(200);
    assert!(page.text.contains("swagger-ui-bundle.js"));
    assert!(page.text.contains("<title>MDL: Metrics Definition Library</title>"), "{}", page.text);
    // Each file that the page names is served.
    for part in page.text.split(['"', '\'']).filter(|part| part.starts_with("./")) {
        server.get(&format!("/api-docs/{}", &part[2..]), "").await.expect(200);
    }
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let answer = server.get(&format!("/api-docs/{file}"), "").await.expect(200);
        if file.ends_with("initializer.js") {
            for expected in [
                "\"validatorUrl\": \"none\"",
                "\"persistAuthorization\": true",
                "\"/api-docs/openapi.json\"",
            ] {
                assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
            }
            assert!(
                !answer.text.contains("http://") && !answer.text.contains("https://"),
                "{}",
                answer.text
            );
        }
    }
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
    for unknown in ["nothing.js", "../../Cargo.toml", "oauth2-redirect.html/x"] {
        let answer = server.get(&format!("/api-docs/{unknown}"), "").await;
        answer.expect_error(404, "NOT_FOUND");
    }
}

#[actix_web::test]
async fn files_are_cached_and_revalidated() {
    let server = Server::start().await;
    let revalidated = "no-cache";
    for (path, kind, control) in [
        ("/api-docs/", "text/html", revalidated),
        ("/api-docs/swagger-initializer.js", "text/javascript", revalidated),
        ("/api-docs/openapi.json", "application/json; charset=utf-8", revalidated),
        (BUNDLE, "text/javascript", "public, max-age=3600"),
        ("/api-docs/swagger-ui.css", "text/css", "public, max-age=3600"),
    ] {
        let first = server.get(path, "").await.expect(200);
        assert_eq!(first.header("cache-control"), control, "{path}");
        assert!(first.header("content-type").starts_with(kind), "{path}: {:?}", first.headers);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && tag.len() == 68, "{path}: {tag}");
        let again = [("if-none-match", tag.as_str())];
        let again = server.send(Method::GET, path, "", &again, None).await.expect(304);
        assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()), "{path}");
        let other = [("if-none-match", "\"other\"")];
        server.send(Method::GET, path, "", &other, None).await.expect(200);
    }
    let packed = [("accept-encoding", "gzip")];
    let packed = server.send(Method::GET, BUNDLE, "", &packed, None).await.expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
}
