//! Tests of `http::middleware::security`.

use super::*;

#[test]
fn what_may_be_kept() {
    for (method, kind, status, value) in [
        (Method::GET, Kind::Catalogue, 200, Some("private, no-cache")),
        (Method::HEAD, Kind::Catalogue, 304, Some("private, no-cache")),
        (Method::PUT, Kind::Catalogue, 200, Some("no-store")),
        (Method::GET, Kind::Catalogue, 404, Some("no-store")),
        (Method::GET, Kind::Operation, 200, Some("no-store")),
        (Method::GET, Kind::Health, 200, Some("no-store")),
        (Method::GET, Kind::Unmatched, 404, Some("no-store")),
        (Method::GET, Kind::Page, 200, None),
        (Method::GET, Kind::Page, 404, Some("no-store")),
    ] {
        let (mut headers, status) = (HeaderMap::new(), StatusCode::from_u16(status).unwrap());
        keep(&mut headers, &method, kind, status);
        assert_eq!(
            headers.get(CACHE_CONTROL).map(|value| value.to_str().unwrap()),
            value,
            "{method} {kind:?} {status}"
        );
    }
}
