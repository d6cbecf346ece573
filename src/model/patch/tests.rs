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
