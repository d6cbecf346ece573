//! Tests of `model::versions::diff`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::model::versions::words::SpanKind;

/// Replaces the value at each pointer by the new one, as a reader of the list would.
fn apply(document: &mut Value, changes: &[ValueChange]) {
    for change in changes {
        assert_eq!(document.pointer(&change.pointer), change.old.as_ref(), "{}", change.path);
        let (parent, name) = change.pointer.rsplit_once('/').unwrap();
        let name = name.replace("~1", "/").replace("~0", "~");
        match (document.pointer_mut(parent).unwrap(), &change.new) {
            (Value::Object(fields), Some(new)) => {
                fields.insert(name, new.clone());
            }
            (Value::Object(fields), None) => {
                fields.remove(&name);
            }
            (Value::Array(items), Some(new)) => {
                items[name.parse::<usize>().unwrap()] = new.clone();
            }
            _ => panic!("{} cannot be applied", change.path),
        }
    }
}

/// Documents with few names and values, so that two of them have much in common.
fn documents() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4).prop_map(Value::from),
        "[ab ]{0,12}".prop_map(Value::from),
    ];
    let nested = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            objects(inner),
        ]
    });
    objects(nested)
}

fn objects(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let fields = prop::collection::btree_map("[ab/~.]{0,2}", values, 0..4);
    fields.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #[test]
    fn differences_applied_in_order_yield_each_version(
        versions in prop::collection::vec(documents(), 2..6),
    ) {
        let (mut listed, mut patched) = (versions[0].clone(), versions[0].clone());
        for pair in versions.windows(2) {
            let changes = changes_between(&pair[0], &pair[1], &[]);
            prop_assert_eq!(changes.is_empty(), pair[0] == pair[1]);
            apply(&mut listed, &changes);
            prop_assert_eq!(&listed, &pair[1]);
            json_patch::patch(&mut patched, &patch_between(&pair[0], &pair[1])).unwrap();
            prop_assert_eq!(&patched, &pair[1]);
        }
    }

    #[test]
    fn spans_put_together_are_the_texts(old in "[ab ]{0,40}", new in "[ab ]{0,40}") {
        let (old, new) = (json!({ "text": old }), json!({ "text": new }));
        for change in changes_between(&old, &new, &[]) {
            let Some(spans) = change.spans else { continue };
            let without = |kind| -> String {
                let parts = spans.iter().filter(|span| span.kind != kind);
                parts.map(|span| span.text.as_str()).collect()
            };
            prop_assert_eq!(Some(Value::from(without(SpanKind::Added))), change.old);
            prop_assert_eq!(Some(Value::from(without(SpanKind::Removed))), change.new);
        }
    }
}

#[test]
fn fields_are_listed_by_path_and_pointer() {
    let old = json!({
        "name": "Churn", "tags": ["a"], "definition": {"formula": "a/b", "filters": {"x.y/z": 1}},
        "rules": [{"id": 1}, {"id": 2}], "notes": "n", "metadata": {"version": "1.0.0"},
    });
    let new = json!({
        "name": "Churn", "tags": ["a", "b"],
        "definition": {"formula": "a/c", "filters": {"x.y/z": 2}},
        "rules": [{"id": 1}, {"id": 3}], "color": null, "metadata": {"version": "1.0.1"},
    });
    let changes = changes_between(&old, &new, &["/metadata/version"]);
    let shown: Vec<Value> = changes
        .iter()
        .map(|change| json!([change.path, change.pointer, change.old, change.new]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["color", "/color", null, null]),
            json!(["definition.filters.x.y/z", "/definition/filters/x.y~1z", 1, 2]),
            json!(["definition.formula", "/definition/formula", "a/b", "a/c"]),
            json!(["notes", "/notes", "n", null]),
            json!(["rules[1].id", "/rules/1/id", 2, 3]),
            json!(["tags", "/tags", ["a"], ["a", "b"]]),
        ]
    );
    // An absent field is absent, and not null.
    let sent = serde_json::to_value(&changes[0]).unwrap();
    assert_eq!(sent, json!({"path": "color", "pointer": "/color", "new": null}));
}
