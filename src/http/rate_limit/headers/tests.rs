//! Tests of `http::rate_limit::headers`.

use super::*;

#[test]
fn older_headers_are_those_of_the_limit_that_refused() {
    let (general, auth) =
        (Quota { limit: 100, window: 60_000 }, Quota { limit: 5, window: 900_000 });
    let last = WindowState { remaining: 0, reset: 1_000 };
    let mut headers = HeaderMap::new();
    let reports = [
        LimitReport::new(Policy::General, general, Ok(last)),
        LimitReport::new(Policy::Auth, auth, Err(Wait(600_000))),
    ];
    write_all(&mut headers, &reports);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!((text("ratelimit-limit"), text("ratelimit-reset")), (Some("5"), Some("600")));
    assert_eq!(text("ratelimit"), Some("\"general\";r=0;t=1, \"auth\";r=0;t=600"));
}
