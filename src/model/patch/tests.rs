//! Tests of `model::patch`.

use super::*;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use serde_json::json;

fn violations<T: Patchable>(fields: &Value) -> Vec<String> {
    let fields = fields.as_object().cloned().unwrap_or_default();
    let violations = Patch::<T>::new(fields).err().unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

fn domain(fields: &Value) -> BusinessDomain {
    let mut domain = BusinessDomain::template();
    domain.extend(fields.as_object().cloned().unwrap_or_default());
    deserialize(Value::Object(domain)).expect("a domain")
}

#[test]
fn templates_break_no_rule() {
    assert_eq!(violations::<Metric>(&json!({})), [""; 0]);
    assert_eq!(violations::<BusinessDomain>(&json!({})), [""; 0]);
}

#[test]
fn only_fields_of_the_patch_are_validated() {
    assert_eq!(violations::<Metric>(&json!({"tags": ["a"], "metadata": {"notes": "n"}})), [""; 0]);
    assert_eq!(violations::<Metric>(&json!({"colour": 1})), ["colour"]);
    assert_eq!(violations::<Metric>(&json!({"tier": null})), ["tier"]);
    assert_eq!(violations::<Metric>(&json!({"name": "", "tags": ["a", ""]})), ["name", "tags[1]"]);
    assert_eq!(violations::<BusinessDomain>(&json!({"contact_email": "x"})), ["contact_email"]);
    let patch = Patch::<BusinessDomain>::new(Map::new()).expect("an empty patch");
    let old = domain(&json!({"name": "two\nlines"}));
    assert_eq!(patch.apply_to(&old), Ok(old));
}

#[test]
fn patches_cannot_add_up_to_more_than_256_kib() {
    let patch = |fields: Value| {
        Patch::<BusinessDomain>::new(fields.as_object().cloned().unwrap_or_default())
            .expect("a patch")
    };
    // A patch of 120 KiB, and one of 160 KiB.
    let areas = json!(vec!["x".repeat(1200); 100]);
    let focus: Map<_, _> = (0..80).map(|n| (n.to_string(), json!("x".repeat(2000)))).collect();
    let (areas, focus) = (json!({"key_areas": areas}), json!({"tier_focus": focus}));

    let half = patch(areas.clone()).apply_to(&domain(&json!({}))).expect("a domain");
    let refused = patch(focus.clone()).apply_to(&half).expect_err("too large");
    assert_eq!(refused, [Violation::new("", "must be at most 256 KiB as JSON")]);

    // A document that was stored before there was a limit may shrink, but not grow.
    let mut fields = areas.as_object().cloned().unwrap_or_default();
    fields.extend(focus.as_object().cloned().unwrap_or_default());
    let large = domain(&Value::Object(fields));
    assert!(json_length(&large) > MAX_ITEM_BYTES);
    assert!(patch(json!({"name": "y"})).apply_to(&large).is_ok());
    assert!(patch(json!({"name": "xy"})).apply_to(&large).is_err());
}

fn merge_violations<T: Patchable>(patch: &Value) -> Vec<String> {
    let fields = patch.as_object().cloned().unwrap_or_default();
    let violations = Patch::<T>::from_merge_patch(fields).err().unwrap_or_default();
    violations.into_iter().map(|found| format!("{} {}", found.field, found.message)).collect()
}

#[test]
fn merge_patch_is_validated_without_the_document() {
    let fine = json!({"definition": {"unit": "u"}, "tags": null, "metadata": {"notes": null}});
    assert_eq!(merge_violations::<Metric>(&fine), [""; 0]);
    let bad = json!({
        "metric_id": null,
        "name": {"a": 1},
        "definition": {"unit": null, "formla": null, "numerator": {"event_name": ""}},
        "colour": null,
    });
    assert_eq!(
        merge_violations::<Metric>(&bad),
        [
            "metric_id is required",
            "name must be a text",
            "definition.numerator.event_name must not be empty",
            "definition.unit is required",
            "definition.formla is not a known field",
            "colour is not a known field",
        ]
    );
}

#[test]
fn merge_cannot_break_a_rule_about_a_whole_object() {
    let values = |from: usize| -> Map<String, Value> {
        (from..from + 600).map(|n| (n.to_string(), json!(n))).collect()
    };
    let patch = |from: usize| {
        let patch = json!({"tier_focus": values(from)});
        Patch::<BusinessDomain>::from_merge_patch(patch.as_object().cloned().unwrap_or_default())
            .expect("a patch")
    };
    let half = patch(0).apply_to(&domain(&json!({}))).expect("a domain");
    let refused = patch(1000).apply_to(&half).expect_err("too many values");
    assert!(refused[0].field.starts_with("tier_focus."), "{refused:?}");
    // What was broken before stays possible to patch elsewhere.
    let old = domain(&json!({"name": "two\nlines", "tier_focus": {"a": 1}}));
    let merged = Patch::<BusinessDomain>::from_merge_patch(
        json!({"tier_focus": {"b": 2}}).as_object().cloned().unwrap_or_default(),
    );
    let merged = merged.expect("a patch").apply_to(&old).expect("a domain");
    assert_eq!(json!(merged.tier_focus), json!({"a": 1, "b": 2}));
}
