//! Tests of `http::request::path`.

use actix_web::dev::{Path, ResourceDef, Url};
use proptest::prelude::*;

use super::*;

#[test]
fn spellings_of_one_path_have_one_form() {
    for (path, form) in [
        ("/api/v1/metrics", "/api/v1/metrics"),
        ("/%61pi/v1/%6Detrics", "/api/v1/metrics"),
        ("/%41pi", "/Api"),
        ("/a%2dd%2Ee%5ff%7e", "/a-d.e_f~"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%3bb;c", "/a%3Bb;c"),
        ("/%2561pi", "/%2561pi"),
        ("/a/", "/a/"),
        ("/", "/"),
        ("/...", "/..."),
        ("*", "*"),
        ("", ""),
    ] {
        assert_eq!(canonical(path).unwrap(), form, "{path}");
    }
    assert!(matches!(canonical("/api").unwrap(), Cow::Borrowed(_)));
}

#[test]
fn ambiguous_paths_are_refused() {
    for (path, why) in [
        ("//api", EMPTY),
        ("//", EMPTY),
        ("/api//v1", EMPTY),
        ("/api/v1//", EMPTY),
        ("/api/./v1", DOT),
        ("/api/%2e%2E/v1", DOT),
        ("/api/..", DOT),
        ("/api/.%2e", DOT),
        ("/api%2fv1", SLASH),
        ("/api%5Cv1", SLASH),
        ("/api\\v1", SLASH),
        ("/api%00", CONTROL),
        ("/api%0a", CONTROL),
        ("/api%7F", CONTROL),
        ("/api%C2%85", CONTROL),
        ("/api\u{7f}", CONTROL),
        ("/api%", ESCAPE),
        ("/api%4", ESCAPE),
        ("/api%zz", ESCAPE),
        ("/api%+1", ESCAPE),
        ("/api%ff", ENCODING),
        ("/api%c3", ENCODING),
        ("/api%c0%af", ENCODING),
        ("/café", CHARACTER),
        ("/a{b}", CHARACTER),
    ] {
        assert_eq!(canonical(path), Err(why), "{path}");
    }
}

const PATTERNS: [&str; 7] = [
    "/api/v1",
    "/api/v1/metrics",
    "/api/v1/metrics/{id}",
    "/api/v1/metrics/{id}/history",
    "/health",
    "/a",
    "/{one}",
];

/// The patterns that the framework matches to a path; it decodes the path first.
fn routed(path: &str) -> Vec<&'static str> {
    let uri: actix_web::http::Uri = path.parse().unwrap();
    let matches = |pattern: &&str| {
        ResourceDef::new(*pattern).capture_match_info(&mut Path::new(Url::new(uri.clone())))
    };
    PATTERNS.into_iter().filter(matches).collect()
}

/// Paths of pieces that make routes and ambiguities likely.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/", "api", "v1", "metrics", "health", "history", "%61", "%2e", ".", "..", "%2F",
            "%5c", "%00", ";", "%3b", "%25", "%", "A", "%41", "%C3%A9", "%ff", "a", "~",
        ])
        .prop_map(str::to_owned),
        "[ -~]".prop_filter("for URIs", |text| !"?#<>\"`^{|} ".contains(text.as_str())),
        (any::<u8>(), any::<bool>()).prop_map(|(byte, upper)| if upper {
            format!("%{byte:02X}")
        } else {
            format!("%{byte:02x}")
        }),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn canonical_is_idempotent(path in paths()) {
        if let Ok(form) = canonical(&path) {
            prop_assert_eq!(canonical(&form).map(Cow::into_owned), Ok(form.into_owned()));
        }
    }

    #[test]
    fn accepted_paths_route_like_their_canonical_form(path in paths()) {
        if let Ok(form) = canonical(&path) {
            prop_assert_eq!(routed(&path), routed(&form));
            // The canonical form matches the same patterns without decoding.
            let plain = |pattern: &&str| ResourceDef::new(*pattern).is_match(&form);
            prop_assert_eq!(routed(&form), PATTERNS.into_iter().filter(plain).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_text_is_handled(path in any::<String>()) {
        let _ = canonical(&path);
        let _ = canonical(&format!("/{path}"));
    }
}
