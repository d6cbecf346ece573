//! Tests of `model::audit::changes`.

use super::*;

#[test]
fn scalars_show_values_and_nested_fields_only_names() {
    let changes = Changes::between(
        &json!({"a": 1, "b": [1], "c": "x", "e": {"f": 1}, "g": null}),
        &json!({"a": 1, "b": [2], "d": "é".repeat(400), "e": "text", "g": null}),
    );
    let cut = format!("{}…", "é".repeat(300));
    let expected = json!({
        "b": {}, "c": {"from": "x", "to": null}, "d": {"from": null, "to": cut}, "e": {},
    });
    assert_eq!(json!(changes), expected);
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
