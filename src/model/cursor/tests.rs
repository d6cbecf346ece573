//! Tests of `model::cursor`.

use super::*;
use proptest::prelude::*;

fn list(query: &[(&str, &str)]) -> ListIdentity {
    let pairs: Vec<_> =
        query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    ListIdentity::new("metrics", &pairs)
}

#[test]
fn list_is_identified_by_filters_and_sort() {
    let one = list(&[("sort", "-name"), ("tier", "Tier-1"), ("limit", "5"), ("cursor", "x")]);
    assert_eq!(one, list(&[("tier", "Tier-1"), ("fields", "name"), ("sort", "-name")]));
    assert_ne!(one, list(&[("tier", "Tier-1"), ("sort", "name")]));
    assert_ne!(one, list(&[("sort", "-name")]));
    assert_ne!(one, ListIdentity::new("domains", &[]));
    assert_ne!(list(&[("a", "b&c=d")]), list(&[("a", "b"), ("c", "d")]));
}

#[test]
fn cursor_that_the_database_would_refuse_is_refused() {
    let (one, at) = (list(&[]), |year: i32| {
        let date = chrono::NaiveDate::from_ymd_opt(year, 1, 1).and_then(|d| d.and_hms_opt(0, 0, 0));
        SortKey::Instant(date.expect("a date").and_utc())
    });
    let text = |text: &str| SortKey::Text(text.to_owned());
    for (key, id, accepted) in [
        (text("n"), "m", true),
        (text("a\0"), "m", false),
        (text("n"), "m\0", false),
        (at(2026), "m", true),
        (at(-4000), "m", false),
        (at(20_000), "m", false),
    ] {
        let position = ListPosition { key, id: id.to_owned() };
        let decoded = ListPosition::from_cursor(&position.to_cursor(&one), &one);
        assert_eq!(decoded.is_some(), accepted, "{position:?}");
    }
}

proptest! {
    #[test]
    fn cursor_is_read_by_its_own_list_only(name in "[^\0]{0,30}", id in "[a-z]{1,9}", at: u16) {
        let (one, other) = (list(&[("sort", "name")]), list(&[("sort", "-name")]));
        let position = ListPosition { key: SortKey::Text(name), id };
        let cursor = position.to_cursor(&one);
        prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        prop_assert_eq!(ListPosition::from_cursor(&cursor, &one), Some(position));
        prop_assert_eq!(ListPosition::from_cursor(&cursor, &other), None);
        // A changed or shortened cursor is malformed.
        let at = usize::from(at) % cursor.len();
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        prop_assert_eq!(ListPosition::from_cursor(&changed, &one), None);
        prop_assert_eq!(ListPosition::from_cursor(&cursor[..at], &one), None);
    }

    #[test]
    fn any_text_is_refused(text in ".{0,200}") {
        prop_assert_eq!(ListPosition::from_cursor(&text, &list(&[])), None);
    }
}
