//! Tests of `model::metrics::query`.

use super::*;
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::paging::{CursorPagination, ListPagination, ListPart};

fn parse(query: &[(&str, &str)]) -> Result<MetricQuery, Vec<Violation>> {
    let pairs: Vec<_> =
        query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    MetricQuery::parse(&pairs, DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

#[test]
fn parameters_are_parsed() {
    let query = parse(&[
        ("tier", "Tier-2"),
        ("tags", "a, b"),
        ("search", "net-revenue a<b"),
        ("sort", "-updated_at"),
        ("page", "3"),
        ("limit", "100"),
        ("status", "draft"),
        ("fields", "name,data"),
    ]);
    let query = query.expect("a valid query");
    assert_eq!(query.filter.tier, Some(Tier::Two));
    assert_eq!(query.filter.status, Some(MetricStatus::Draft));
    assert_eq!(query.filter.tags, ["a", "b"]);
    assert_eq!(query.filter.search, ["net", "revenue", "a", "b"]);
    assert_eq!(query.sort, Sort { by: SortField::UpdatedAt, descending: true });
    assert_eq!(query.paging, Paging::Page(PageRequest { page: 3, limit: 100 }));
    assert!(query.fields.is_some_and(|fields| fields.includes("data")));
    let Paging::Cursor(cursor) = parse(&[("cursor", "start")]).expect("a cursor").paging else {
        panic!("not by cursor");
    };
    assert_eq!((cursor.after, cursor.limit), (None, DEFAULT_LIMIT));
}

#[test]
fn invalid_or_unknown_parameter_is_refused() {
    for (name, value) in [
        ("page", "0"),
        ("page", "-1"),
        ("limit", "1e9"),
        ("limit", "101"),
        ("sort", "formula"),
        ("tier", "1"),
        ("search", "<&>"),
        ("tags", "a,,b"),
        ("colour", "red"),
        ("category", " "),
        ("owner_team", "\0"),
        ("fields", "colour"),
        ("cursor", ""),
        ("cursor", "x"),
    ] {
        let violations = parse(&[(name, value)]).expect_err(name);
        assert_eq!(violations.len(), 1, "{name}={value}");
        assert_eq!(violations[0].field, name);
    }
    assert_eq!(parse(&[("tags", "a"), ("tags", "b")]).expect_err("twice")[0].field, "tags");
}

#[test]
fn list_of_the_past_has_all_filters_but_the_search() {
    let query = parse(&[("as_of", "2027-01-15T08:00:00Z"), ("tier", "Tier-1")]).expect("a query");
    assert_eq!(query.as_of.map(|instant| instant.timestamp()), Some(1_800_000_000));
    for (bad, field) in [
        (vec![("as_of", "2027-01-15T08:00:01Z")], "as_of"),
        (vec![("as_of", "2026")], "as_of"),
        (vec![("as_of", "2026-01-01T00:00:00Z"), ("search", "x")], "search"),
        (vec![("as_of", "2026-01-01T00:00:00Z"), ("as_of", "2026-01-01T00:00:00Z")], "as_of"),
    ] {
        assert_eq!(parse(&bad).expect_err("refused")[0].field, field, "{bad:?}");
    }
}

#[test]
fn cursor_belongs_to_its_instant() {
    let instant = |day: u32| format!("2026-01-0{day}T00:00:00Z");
    let first = [("as_of".to_owned(), instant(1)), ("cursor".to_owned(), "start".to_owned())];
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let Paging::Cursor(cursor) = MetricQuery::parse(&first, now).unwrap().paging else {
        panic!("a cursor")
    };
    let position = ListPosition { key: SortKey::Text("x".into()), id: "m".into() };
    let part = ListPart::Cursor(cursor, Some(position)).describe();
    let ListPagination::Cursor(CursorPagination { next_cursor: Some(next), .. }) = part else {
        panic!("a next part")
    };
    assert!(parse(&[("as_of", &instant(1)), ("cursor", &next)]).is_ok());
    for other in [vec![("as_of", instant(2))], vec![]] {
        let mut pairs: Vec<(&str, &str)> =
            other.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.push(("cursor", &next));
        assert_eq!(parse(&pairs).expect_err("foreign")[0].field, "cursor");
    }
}
