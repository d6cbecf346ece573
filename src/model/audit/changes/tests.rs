//! Tests of `model::audit::changes`.

use super::*;

#[test]
fn names_of_what_differs() {
    let changes = Changes::names_between(
        &json!({"a": 1, "b": [1], "c": 1}),
        &json!({"a": 1, "b": [2], "d": 1}),
    );
    assert_eq!(json!(changes), json!({"b": {}, "c": {}, "d": {}}));
}

#[test]
fn changed_fields_only_and_bounded() {
    let mut changes = Changes::default();
    changes
        .field("a", &"x", &"x")
        .field("b", &1, &2)
        .field("c", &"é".repeat(1000), &String::new())
        .name("d");
    let value = serde_json::to_value(&changes).unwrap();
    assert_eq!(value["b"], json!({"from": 1, "to": 2}));
    assert_eq!(value["c"]["from"].as_str().unwrap().chars().count(), MAX_TEXT + 1);
    assert_eq!((value.get("a"), &value["d"]), (None, &json!({})));
    for number in 0..1000 {
        changes.name(&number.to_string());
    }
    assert_eq!(changes.0.len(), MAX_FIELDS);
}
