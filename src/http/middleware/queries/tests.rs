//! Tests of `http::middleware::queries`.

use super::*;

#[test]
fn query_is_limited_in_length_and_parameters() {
    let many = |count: usize| vec!["a=1"; count].join("&");
    assert_eq!(size_violation(""), None);
    assert_eq!(size_violation(&many(MAX_PARAMETERS)), None);
    assert!(size_violation(&many(MAX_PARAMETERS + 1)).is_some());
    assert!(size_violation(&"&a".repeat(MAX_PARAMETERS + 1)).is_some());
    assert_eq!(size_violation(&"x".repeat(MAX_BYTES)), None);
    assert!(size_violation(&"x".repeat(MAX_BYTES + 1)).is_some());
}

#[test]
fn unknown_and_repeated_parameters_are_violations() {
    let violations = |query: &str| -> Vec<(String, String)> {
        let found = name_violations(query, &["page", "for"]);
        found.into_iter().map(|violation| (violation.field, violation.message)).collect()
    };
    let unknown = |name: &str| (name.to_owned(), "is not a known parameter".to_owned());
    let twice = |name: &str| (name.to_owned(), "must not be given twice".to_owned());
    assert_eq!(violations("page=1&for=x"), []);
    assert_eq!(violations("&&"), []);
    assert_eq!(violations("page"), []);
    assert_eq!(violations("%70age=1"), []);
    assert_eq!(violations("Page=1"), [unknown("Page")]);
    assert_eq!(violations("=1"), [unknown("")]);
    assert_eq!(violations("x=1&y=2&page=1"), [unknown("x"), unknown("y")]);
    assert_eq!(violations("page=1&page=2"), [twice("page")]);
    // A name is decoded, shortened and shown without invisible characters.
    assert_eq!(violations("a%E2%80%8Bb=1"), [unknown("ab")]);
    assert_eq!(violations(&"x".repeat(150)), [unknown(&"x".repeat(100))]);
}
