//! Tests of `model::paging`.

use super::*;
use crate::model::cursor::SortKey;
use serde_json::json;

const PAGE: PageRequest = PageRequest { page: 1, limit: 20 };

fn paging(query: &[(&str, &str)]) -> Result<Paging, Vec<Violation>> {
    let pairs: Vec<_> =
        query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Paging::new(PAGE, "metrics", &pairs)
}

#[test]
fn cursor_begins_and_goes_on() {
    assert_eq!(paging(&[("tier", "Tier-1")]), Ok(Paging::Page(PAGE)));
    let Ok(Paging::Cursor(begun)) = paging(&[("cursor", "start")]) else { panic!("a page") };
    let last = ListPosition { key: SortKey::Text("n".into()), id: "m".into() };
    let part = ListPart::Cursor(begun.clone(), Some(last.clone()));
    let ListPagination::Cursor(described) = part.describe() else { panic!("not by cursor") };
    assert_eq!((part.total(), ListPart::Page(PAGE, 7).total()), (None, Some(7)));
    assert!(described.has_next);
    let next = described.next_cursor.expect("a cursor");
    let Ok(Paging::Cursor(cursor)) = paging(&[("cursor", &next)]) else { panic!("not by cursor") };
    assert_eq!((cursor.after, cursor.limit), (Some(last), 20));
    let end = ListPart::Cursor(begun, None).describe();
    assert_eq!(json!(end), json!({"limit": 20, "hasNext": false, "next_cursor": null}));
    // The cursor of another list, and none at all.
    for query in [
        [("cursor", next.as_str()), ("tier", "Tier-1")],
        [("cursor", next.as_str()), ("sort", "name")],
        [("cursor", ""), ("tier", "Tier-1")],
        [("cursor", "Start"), ("tier", "Tier-1")],
        [("cursor", "null"), ("tier", "Tier-1")],
    ] {
        assert_eq!(paging(&query).expect_err("refused")[0].field, "cursor", "{query:?}");
    }
    let both = paging(&[("cursor", "start"), ("page", "1")]).expect_err("both");
    assert_eq!(both[0].field, "page");
}

#[test]
fn schema_has_the_fields_of_both_and_requires_the_common_ones() {
    let schema = serde_json::to_value(ListPagination::schema()).expect("a schema");
    assert_eq!(schema["required"], json!(["limit", "hasNext"]));
    let names: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
    for name in ["page", "limit", "total", "pages", "hasNext", "hasPrev", "next_cursor"] {
        assert!(names.contains(&&name.to_owned()), "{name}");
    }
}
