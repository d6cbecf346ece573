//! Tests of `http::request::class`.

use super::*;

#[test]
fn classes_of_well_known_requests() {
    let routes = Routes::new(&crate::http::server::document(), true);
    let (get, post, head, delete) = (Method::GET, Method::POST, Method::HEAD, Method::DELETE);
    for (method, path, kind, limited, uses_caller) in [
        (&get, "/health", Kind::Health, false, false),
        (&head, "/health/ready", Kind::Health, false, false),
        (&get, "/health/circuit-breakers", Kind::Operation, true, true),
        (&post, "/health", Kind::Unmatched, true, false),
        (&get, "/health/", Kind::Unmatched, true, false),
        (&get, "/metrics", Kind::Exposition, false, false),
        (&get, "/api-docs", Kind::Page, false, false),
        (&get, "/api-docs/swagger-ui.css", Kind::Page, false, false),
        (&get, "/api-docsx", Kind::Unmatched, true, false),
        (&get, "/api/v1/metrics", Kind::Catalogue, true, true),
        (&head, "/api/v1/metrics/a", Kind::Catalogue, true, true),
        (&delete, "/api/v1/domains/a", Kind::Catalogue, true, true),
        (&delete, "/api/v1/metrics", Kind::Unmatched, true, false),
        (&post, "/api/auth/login", Kind::Operation, true, false),
        (&post, "/api/auth/logout", Kind::Operation, true, false),
        (&get, "/api/auth/login", Kind::Unmatched, true, false),
        (&get, "/api/auth/me", Kind::Operation, true, true),
        (&get, "/api/v1", Kind::Operation, true, false),
        (&get, "/API/v1", Kind::Unmatched, true, false),
        (&get, "/nowhere", Kind::Unmatched, true, false),
        (&get, "/", Kind::Unmatched, true, false),
    ] {
        let class = routes.classify(method, path);
        assert_eq!(
            (class.kind, class.is_limited(), class.uses_caller),
            (kind, limited, uses_caller),
            "{method} {path}"
        );
    }
    assert_eq!(routes.allow("/api/v1/metrics/a"), Some("GET, HEAD, PUT, DELETE"));
    assert_eq!(routes.allow("/nowhere"), None);
    let apart = Routes::new(&crate::http::server::document(), false);
    assert_eq!(apart.classify(&get, "/metrics").kind, Kind::Unmatched);
}
