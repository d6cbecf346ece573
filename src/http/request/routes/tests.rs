//! Tests of `http::request::routes`.

use super::*;

#[test]
fn requests_are_classified_by_method_and_path() {
    let routes = Routes::new(&crate::http::server::document(), true);
    let (get, post, head, delete) = (Method::GET, Method::POST, Method::HEAD, Method::DELETE);
    for (method, path, kind, has_quota, uses_caller) in [
        (&get, "/health", RequestKind::Health, false, false),
        (&head, "/health/ready", RequestKind::Health, false, false),
        (&get, "/health/circuit-breakers", RequestKind::Operation, true, true),
        (&post, "/health", RequestKind::Unmatched, true, false),
        (&get, "/health/", RequestKind::Unmatched, true, false),
        (&get, "/metrics", RequestKind::Exposition, false, false),
        (&get, "/api-docs", RequestKind::Page, false, false),
        (&get, "/api-docs/swagger-ui.css", RequestKind::Page, false, false),
        (&get, "/api-docsx", RequestKind::Unmatched, true, false),
        (&get, "/api/v1/metrics", RequestKind::Catalogue, true, true),
        (&head, "/api/v1/metrics/a", RequestKind::Catalogue, true, true),
        (&delete, "/api/v1/domains/a", RequestKind::Catalogue, true, true),
        (&delete, "/api/v1/metrics", RequestKind::Unmatched, true, false),
        (&post, "/api/auth/login", RequestKind::Operation, true, false),
        (&post, "/api/auth/logout", RequestKind::Operation, true, false),
        (&get, "/api/auth/login", RequestKind::Unmatched, true, false),
        (&get, "/api/auth/me", RequestKind::Operation, true, true),
        (&get, "/api/v1", RequestKind::Operation, true, false),
        (&get, "/api/v1/", RequestKind::Operation, true, false),
        (&get, "/API/v1", RequestKind::Unmatched, true, false),
        (&get, "/nowhere", RequestKind::Unmatched, true, false),
        (&get, "/", RequestKind::Unmatched, true, false),
    ] {
        let class = routes.classify(method, path);
        assert_eq!(
            (class.kind, class.has_quota(), class.uses_caller),
            (kind, has_quota, uses_caller),
            "{method} {path}"
        );
    }
    for (path, limited) in [("/health", false), ("/metrics", false), ("/api-docs/", true)] {
        assert_eq!(routes.classify(&get, path).is_burst_limited(), limited, "{path}");
    }
    assert_eq!(routes.allow("/api/v1/metrics/a"), Some("GET, HEAD, PUT, PATCH, DELETE"));
    let merge_patch = Some("application/merge-patch+json");
    assert_eq!(routes.accept_patch("/api/v1/metrics/a"), merge_patch);
    assert_eq!(routes.accept_patch("/api/v1/metrics"), None);
    assert_eq!(routes.allow("/nowhere"), None);
    let apart = Routes::new(&crate::http::server::document(), false);
    assert_eq!(apart.classify(&get, "/metrics").kind, RequestKind::Unmatched);
}

/// The parameters of the list of business domains.
const DOMAINS: [&str; 6] = ["search", "page", "limit", "cursor", "fields", "as_of"];

#[test]
fn query_parameters_are_those_of_the_document() {
    let routes = Routes::new(&crate::http::server::document(), true);
    let (get, post, head, options) = (Method::GET, Method::POST, Method::HEAD, Method::OPTIONS);
    let none: Option<Vec<&str>> = Some(Vec::new());
    for (method, path, expected) in [
        (&get, "/health/ready", Some(vec!["for"])),
        (&head, "/health/ready", Some(vec!["for"])),
        (&post, "/api/v1/import", Some(vec!["dry_run", "part"])),
        (&get, "/api/v1/changes", Some(vec!["since", "limit"])),
        (&get, "/api/v1/domains", Some(DOMAINS.to_vec())),
        (&get, "/api/v1/metrics/a", Some(vec!["fields", "as_of"])),
        (&get, "/api/auth/me", none.clone()),
        (&get, "/api/v1/", none.clone()),
        (&get, "/metrics", none.clone()),
        (&head, "/metrics", none),
        (&get, "/api-docs/", None),
        (&get, "/nowhere", None),
        (&post, "/health", None),
        (&options, "/api/v1/domains", None),
    ] {
        assert_eq!(routes.query_parameters(method, path), expected, "{method} {path}");
    }
}

#[test]
fn every_path_has_the_pattern_of_its_route_whatever_the_method() {
    let document = crate::http::server::document();
    let routes = Routes::new(&document, true);
    let parameter = |part: &str| if part.starts_with('{') { "x1".into() } else { part.to_owned() };
    for pattern in document.paths.paths.keys() {
        let path = pattern.split('/').map(parameter).collect::<Vec<_>>().join("/");
        for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
            let found = routes.classify(&method, &path).route.and_then(|at| routes.pattern(at));
            assert_eq!(found.map(AsRef::as_ref), Some(pattern.as_str()), "{method} {path}");
        }
    }
    for path in ["/nowhere", "/api/v1/metrics/a/b/c/d", "/api-docs/"] {
        assert_eq!(routes.classify(&Method::GET, path).route, None, "{path}");
    }
}
