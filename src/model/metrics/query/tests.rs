//! Tests of `model::metrics::query`.

use super::*;

fn parse(query: &[(&str, &str)]) -> Result<MetricQuery, Vec<Violation>> {
    let pairs: Vec<_> =
        query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    MetricQuery::parse(&pairs)
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
