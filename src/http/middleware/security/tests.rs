//! Tests of `http::middleware::security`.

use super::*;

#[test]
fn cache_control_depends_on_method_kind_and_status() {
    for (method, kind, status, value) in [
        (Method::GET, RequestKind::Catalogue, 200, Some("private, no-cache")),
        (Method::HEAD, RequestKind::Catalogue, 304, Some("private, no-cache")),
        (Method::PUT, RequestKind::Catalogue, 200, Some("no-store")),
        (Method::GET, RequestKind::Catalogue, 404, Some("no-store")),
        (Method::GET, RequestKind::Operation, 200, Some("no-store")),
        (Method::GET, RequestKind::Health, 200, Some("no-store")),
        (Method::GET, RequestKind::Unmatched, 404, Some("no-store")),
        (Method::GET, RequestKind::Page, 200, None),
        (Method::GET, RequestKind::Page, 404, Some("no-store")),
    ] {
        let (mut headers, status) = (HeaderMap::new(), StatusCode::from_u16(status).unwrap());
        set_cache_control(&mut headers, &method, kind, status);
        assert_eq!(
            headers.get(CACHE_CONTROL).map(|value| value.to_str().unwrap()),
            value,
            "{method} {kind:?} {status}"
        );
    }
}
