//! Tests of `model::patch`.

use super::*;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use serde_json::json;

fn violations<T: Patchable>(fields: &Value) -> Vec<String> {
    let fields = fields.as_object().cloned().unwrap_or_default();
    let fields = Patch::<T>::new(fields)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|violation| violation.field);
    fields.collect()
}

#[test]
fn templates_break_no_rule() {
    assert_eq!(violations::<Metric>(&json!({})), [""; 0]);
    assert_eq!(violations::<BusinessDomain>(&json!({})), [""; 0]);
}

#[test]
fn only_what_is_in_the_patch_is_judged() {
    assert_eq!(violations::<Metric>(&json!({"tags": ["a"], "metadata": {"notes": "n"}})), [""; 0]);
    assert_eq!(violations::<Metric>(&json!({"colour": 1})), ["colour"]);
    assert_eq!(violations::<Metric>(&json!({"tier": null})), ["tier"]);
    assert_eq!(violations::<Metric>(&json!({"name": "", "tags": ["a", ""]})), ["name", "tags[1]"]);
    assert_eq!(violations::<BusinessDomain>(&json!({"contact_email": "x"})), ["contact_email"]);
    let patch = Patch::<BusinessDomain>::new(Map::new()).expect("an empty patch");
    let old = json!({"domain_id": "d", "name": "two\nlines"});
    let old: BusinessDomain = serde_json::from_value(old).expect("a domain");
    assert_eq!(patch.over(&old), Ok(old));
}
