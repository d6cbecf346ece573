//! Tests of `model::merge`.

use super::*;
use crate::model::metrics::Metric;
use proptest::prelude::*;
use serde_json::json;

fn merged(target: &Value, patch: &Value, shape: &Shape) -> Value {
    let mut target = target.as_object().cloned().unwrap_or_default();
    merge(&mut target, patch.as_object().expect("an object"), shape);
    Value::Object(target)
}

/// The cases of RFC 7396, appendix A, whose patch is an object.
#[test]
fn cases_of_the_rfc() {
    for (target, patch, result) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        (json!({"a": "foo"}), json!({"a": {"b": "c"}}), json!({"a": {"b": "c"}})),
    ] {
        assert_eq!(merged(&target, &patch, &Shape::Any), result, "{patch}");
    }
}

#[test]
fn removal_of_an_unknown_field_stays() {
    let shape = Shape::of::<Metric>();
    let patch = json!({"tags": null, "colour": null, "definition": {"unit": null, "size": null}});
    let target = json!({"tags": ["a"], "definition": {"unit": "u", "formula": "f"}});
    let expected = json!({"colour": null, "definition": {"formula": "f", "size": null}});
    assert_eq!(merged(&target, &patch, &shape), expected);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The algorithm of RFC 7396, section 2, as it is written there.
fn reference(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = target.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let member = target.get(name).cloned().unwrap_or_default();
            target.insert(name.clone(), reference(member, value));
        }
    }
    Value::Object(target)
}

proptest! {
    #[test]
    fn merging_agrees_with_the_rfc(target in any_value(), patch in any_value()) {
        prop_assume!(patch.is_object());
        let once = merged(&target, &patch, &Shape::Any);
        prop_assert_eq!(&once, &reference(target, &patch));
        // Merging the same patch again changes nothing.
        prop_assert_eq!(merged(&once, &patch, &Shape::Any), once);
    }
}
