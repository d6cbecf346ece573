//! Tests of `model::metrics::revision`.

use super::*;
use crate::model::catalogue::{ExampleDetail, ExampleKind, example};
use crate::model::patch::Patchable;
use proptest::prelude::*;
use serde_json::json;

fn diff(fields: &[&str]) -> MetricDiff {
    let change =
        |field: &&str| FieldChange { path: (*field).to_owned(), old: Value::Null, new: json!("x") };
    MetricDiff { changes: fields.iter().map(change).collect() }
}

#[test]
fn most_important_field_decides_the_version() {
    for (fields, version) in [
        (vec!["tags"], "1.2.4"),
        (vec!["definition.formula_detail"], "1.2.4"),
        (vec!["name", "tags"], "1.3.0"),
        (vec!["business_domain"], "1.3.0"),
        (vec!["definition.formula", "name"], "2.0.0"),
        (vec!["definition.unit"], "2.0.0"),
        (vec!["category"], "2.0.0"),
    ] {
        assert_eq!(diff(&fields).next_version("1.2.3"), version, "{fields:?}");
    }
}

#[test]
fn summary_names_five_fields_at_most() {
    assert_eq!(diff(&["a", "b"]).summary(), "Changed a, b");
    assert_eq!(
        diff(&["a", "b", "c", "d", "e", "f", "g"]).summary(),
        "Changed a, b, c, d, e and 2 more"
    );
}

#[test]
fn equal_instants_and_numbers_are_no_change() {
    let metric = |time: &str, number: Value| -> Metric {
        let mut metric = Value::Object(Metric::template());
        metric["governance"]["created_at"] = json!(time);
        metric["targets_and_alerts"]["target_value"] = number.clone();
        metric["definition"]["example_calculation"] = json!({"a": number});
        metric["definition"]["numerator"]["filters"] = json!([{"min": number}]);
        serde_json::from_value(metric).expect("a metric")
    };
    let one = metric("2025-01-01T00:00:00Z", json!(4_000_000));
    let same = metric("2025-01-01T01:00:00.000+01:00", json!(4_000_000.0));
    assert_eq!(MetricDiff::between(&one, &same), None);
    let other = metric("2025-01-01T00:00:01Z", json!(4_000_000.5));
    let fields = MetricDiff::between(&one, &other).expect("a difference").paths();
    assert_eq!(
        fields,
        [
            "definition.example_calculation",
            "definition.numerator",
            "governance.created_at",
            "targets_and_alerts.target_value",
        ]
    );
}

#[test]
fn field_outside_the_sections_is_named_without_one() {
    let metric = |name: &str| -> Metric {
        let mut metric = Value::Object(Metric::template());
        metric["name"] = json!(name);
        serde_json::from_value(metric).expect("a metric")
    };
    let diff = MetricDiff::between(&metric("Churn"), &metric("Churn rate")).expect("a difference");
    let change =
        FieldChange { path: "name".to_owned(), old: json!("Churn"), new: json!("Churn rate") };
    assert_eq!(diff.changes, [change]);
}

#[test]
fn every_field_is_compared() {
    let whole = |example: &str| -> Map<String, Value> {
        let value: Value = serde_json::from_str(example).expect("JSON");
        value.as_object().expect("an object").clone()
    };
    let template = Metric::template();
    let old: Metric = serde_json::from_value(Value::Object(template.clone())).expect("a metric");
    let full = serde_json::to_string(&example(ExampleKind::Metric, ExampleDetail::Full));
    for (name, value) in whole(&full.expect("JSON")) {
        let mut fields = template.clone();
        fields.insert(name.clone(), value);
        let new: Metric = serde_json::from_value(Value::Object(fields)).expect("a metric");
        let diff = MetricDiff::between(&old, &new).expect(&name);
        assert!(diff.touches(&name), "{name}: {diff:?}");
        let mut patched = old.clone();
        patched.copy_field(&name, &new);
        assert_eq!(patched, new, "{name}");
    }
}

#[test]
fn metric_that_is_created_again_gets_the_next_major_version() {
    for (former, next) in [("1.0.0", "2.0.0"), ("7.3.2", "8.0.0"), ("x", "1.0.0")] {
        assert_eq!(next_major(former), next);
    }
}

proptest! {
    #[test]
    fn versions_only_increase(
        major in 0_u64..99,
        minor in 0_u64..99,
        patch in 0_u64..99,
        which in 0_usize..3,
    ) {
        let fields = [["category"], ["name"], ["tags"]];
        let next = diff(&fields[which]).next_version(&format!("{major}.{minor}.{patch}"));
        let parts: Vec<u64> = next.split('.').map(|part| part.parse().unwrap()).collect();
        prop_assert!((parts[0], parts[1], parts[2]) > (major, minor, patch));
    }
}
