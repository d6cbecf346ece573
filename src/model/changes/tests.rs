//! Tests of `model::changes`.

use super::*;

fn parse(pairs: &[(&str, &str)]) -> Result<ChangesQuery, Vec<Violation>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ChangesQuery::parse(&pairs.iter().map(owned).collect::<Vec<_>>())
}

fn fields(pairs: &[(&str, &str)]) -> Vec<String> {
    let refused = parse(pairs).expect_err("refused");
    refused.into_iter().map(|violation| violation.field).collect()
}

#[test]
fn cursor_is_read_as_it_was_written() {
    for cursor in [
        ChangeCursor::default(),
        ChangeCursor { position: 1, time: -1 },
        ChangeCursor { position: i64::MAX, time: i64::MAX },
    ] {
        assert_eq!(ChangeCursor::parse(&cursor.encode()), Some(cursor));
    }
}

#[test]
fn damaged_and_invented_cursors_are_refused() {
    let text = ChangeCursor { position: 7, time: 1_800_000_000_000_000 }.encode();
    for at in 0..text.len() {
        let mut damaged = text.clone().into_bytes();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        let damaged = String::from_utf8(damaged).unwrap();
        let read = ChangeCursor::parse(&damaged);
        assert_eq!(read, None, "{damaged}");
        assert_eq!(ChangeCursor::parse(&text[..at]), None);
    }
    assert_eq!(ChangeCursor::parse(&format!("{text}AAAA")), None);
    assert_eq!(ChangeCursor::parse(&ChangeCursor { position: -1, time: 0 }.encode()), None);
}

#[test]
fn parameters_say_where_to_begin() {
    let start = FeedStart::After(ChangeCursor::default());
    assert_eq!(parse(&[]), Ok(ChangesQuery { since: start, limit: 100 }));
    assert_eq!(parse(&[("since", "start")]).unwrap().since, start);
    let end = parse(&[("since", "end"), ("limit", "3")]);
    assert_eq!(end, Ok(ChangesQuery { since: FeedStart::End, limit: 3 }));
    let cursor = ChangeCursor { position: 7, time: 9 };
    assert_eq!(parse(&[("since", &cursor.encode())]).unwrap().since, FeedStart::After(cursor));
    for (bad, field) in [
        (("since", ""), "since"),
        (("since", "7"), "since"),
        (("limit", "0"), "limit"),
        (("limit", "101"), "limit"),
        (("page", "1"), "page"),
        (("cursor", "start"), "cursor"),
    ] {
        assert_eq!(fields(&[bad]), [field], "{bad:?}");
    }
    assert_eq!(fields(&[("since", "end"), ("since", "end")]), ["since"]);
}
