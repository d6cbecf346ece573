//! Tests of `model::structure`.

use super::*;
use serde_json::json;

fn shape() -> Shape {
    let field = |name: &str, required, shape| Field {
        name: name.into(),
        required,
        at_least_one: false,
        shape,
    };
    let inner = vec![field("a", true, Shape::Text), field("b", false, Shape::Boolean)];
    let inner = Shape::Object { fields: inner, open: false };
    let fields = vec![
        field("count", true, Shape::Whole(1, 9)),
        field("note", false, Shape::Nullable(Box::new(Shape::Text))),
        field("items", true, Shape::List(Box::new(inner))),
        field("numbers", false, Shape::Map(Box::new(Shape::Number))),
    ];
    Shape::Object { fields, open: false }
}

fn check(mut value: Value) -> (Vec<(String, String)>, Value) {
    let structure = Structure::check(&mut value, &shape(), Needs::Type, 100);
    let found = structure.violations.into_iter();
    (found.map(|violation| (violation.field, violation.message)).collect(), value)
}

#[test]
fn value_of_the_right_structure_is_unchanged() {
    let right = json!({"count": 9, "note": null, "items": [{"a": "x"}], "numbers": {"x": 0.5}});
    assert_eq!(check(right.clone()), (Vec::new(), right));
    // A whole number may be written with a fraction.
    let (found, value) = check(json!({"count": 5.0, "items": []}));
    assert_eq!((found, value), (Vec::new(), json!({"count": 5, "items": []})));
}

#[test]
fn wrong_parts_are_named_and_replaced() {
    let (found, value) = check(json!({
        "count": 10, "note": 1, "items": [{"b": 0, "c": 0}, "x"], "numbers": {"k\u{200b}": "1"},
    }));
    let found: Vec<_> = found.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
    assert_eq!(
        found,
        [
            ("count", "must be a whole number from 1 to 9"),
            ("note", "must be a text"),
            ("items[0].a", "is required"),
            ("items[0].b", "must be true or false"),
            ("items[0].c", "is not a known field"),
            ("items[1]", "must be an object"),
            ("numbers.k", "must be a number"),
        ]
    );
    assert_eq!(
        value,
        json!({
            "count": 1, "note": "x", "items": [{"a": "x", "b": false}, {"a": "x"}],
            "numbers": {"k\u{200b}": 0},
        })
    );
    let structure = Structure::check(&mut json!({"count": 1}), &shape(), Needs::Type, 100);
    assert!(structure.replaces("items") && structure.replaces("items[0].a"));
    assert!(!structure.replaces("count") && !structure.replaces("itemsize"));
}

#[test]
fn positions_follow_the_fields() {
    let shape = shape();
    let at = |path: &str| position(path, &shape);
    assert!(at("count") < at("note") && at("items") < at("items[0].b"));
    assert!(at("items[2].a") < at("items[10]") && at("numbers") < at("unknown"));
}

#[test]
fn violations_beyond_the_maximum_are_counted_and_not_repaired() {
    let wrong = json!({"count": 10, "note": 1, "items": [{"b": 0}], "other": 1});
    for max in [0, 1, 4, 5] {
        let mut value = wrong.clone();
        let structure = Structure::check(&mut value, &shape(), Needs::Type, max);
        let described = structure.violations.iter().filter(|one| !one.message.is_empty());
        let paths: Vec<&str> = described.map(|violation| violation.field.as_str()).collect();
        let all = ["count", "note", "items[0].a", "items[0].b", "other"];
        assert_eq!((structure.violations.len(), paths), (5, all[..max].to_vec()));
        assert_eq!(structure.is_repaired(), max == 5);
    }
}
