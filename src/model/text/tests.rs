//! Tests of `model::text`.

use super::*;

#[test]
fn text_is_trimmed_and_refused_when_too_long_or_deceptive() {
    assert_eq!(Text100::new("  x < y & \"z\"\n").as_str(), "x < y & \"z\"");
    assert!(Text100::new(&"語".repeat(100)).validate().is_ok());
    assert!(Text100::new(&"語".repeat(101)).validate().is_err());
    assert!(Text100::new("  ").validate().is_err());
    assert!(Text100::new("a\0b").validate().is_err());
    assert!(Text100::new("a\nb").validate().is_err());
    assert!(Prose2000::new("a\nb").validate().is_ok());
    assert!(Prose2000::new("a\u{202e}b").validate().is_err());
}

#[test]
fn ids_urls_timestamps_and_addresses_are_validated() {
    for (id, ok) in
        [("mrr_usd-1", true), ("", false), ("a/b", false), ("ä", false), (&"x".repeat(101), false)]
    {
        assert_eq!(Id::new(id).validate().is_ok(), ok, "{id}");
    }
    for (url, ok) in [
        ("https://x.y/z?q=1", true),
        ("https://a:b@x.y/", false),
        ("https://a@x.y/", false),
        ("https://x.y/\u{202e}", false),
        ("javascript:alert(1)", false),
        ("/x", false),
        ("ftp://x", false),
    ] {
        assert_eq!(HttpUrl::new(url).validate().is_ok(), ok, "{url}");
    }
    for (sent, stored) in [
        ("HTTPS://Example.COM:443/a/../b?q=ä#f", "https://example.com/b?q=%C3%A4#f"),
        ("http://x.y", "http://x.y/"),
        ("https://ex\u{e4}mple.com/", "https://xn--exmple-cua.com/"),
    ] {
        assert_eq!(HttpUrl::new(sent).as_str(), stored);
        assert_eq!(HttpUrl::new(stored).as_str(), stored);
    }
    for (time, ok) in
        [("2025-02-28T00:00:00Z", true), ("2025-02-30T00:00:00Z", false), ("2025-02-28", false)]
    {
        assert_eq!(Timestamp::new(time).validate().is_ok(), ok, "{time}");
    }
    for (sent, stored) in [
        ("2025-01-01T00:00:00+00:00", "2025-01-01T00:00:00Z"),
        ("2025-01-01t01:00:00.50+01:00", "2025-01-01T00:00:00.500Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
        ("yesterday", "yesterday"),
    ] {
        assert_eq!(Timestamp::new(sent).as_str(), stored);
        assert_eq!(Timestamp::new(stored).as_str(), stored);
    }
    for (email, ok) in
        [("a@example.com", true), ("a", false), ("a@b@c", false), ("a b@c.de", false)]
    {
        assert_eq!(Email::new(email).validate().is_ok(), ok, "{email}");
    }
    assert!(Username::new("ab").validate().is_err());
}
