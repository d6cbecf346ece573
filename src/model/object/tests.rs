//! Tests of `model::object`.

use super::*;
use serde_json::json;

fn object(value: Value) -> Object {
    serde_json::from_value(value).expect("an object")
}

#[test]
fn texts_under_rich_keys_are_cleaned_at_any_depth() {
    let cleaned =
        object(json!({"a": [{"my_Notes": "<i>x</i><script>y</script>"}, 2.0], "formula": "a<b"}));
    assert_eq!(
        cleaned,
        Object(
            json!({"a": [{"my_Notes": "<i>x</i>"}, 2], "formula": "a<b"})
                .as_object()
                .cloned()
                .unwrap_or_default()
        )
    );
}

#[test]
fn object_that_is_too_deep_too_large_or_contains_nul_is_refused() {
    let deep = (0..20).fold(json!(1), |inner, _| json!({ "k": inner }));
    let many = json!({"k": vec![0; 1001]});
    for bad in [deep, many, json!({"k": "x".repeat(2001)}), json!({"k\0": 1}), json!({"k": ["\0"]})]
    {
        assert!(object(bad).validate().is_err());
    }
    assert!(object(json!({"k": {"l": [1, "x", null]}})).validate().is_ok());
}
