//! Tests of `model::completeness`.

use serde_json::json;

use super::*;
use crate::model::metrics::Metric;
use crate::model::parse::parse;
use crate::model::patch::Patchable;

fn draft(fields: &Value) -> Value {
    let mut draft = json!({
        "metric_id": "x", "name": "x", "business_domain": "x", "governance": {"status": "draft"},
    });
    let draft_fields = draft.as_object_mut().expect("an object");
    draft_fields.extend(fields.as_object().expect("an object").clone());
    draft
}

#[test]
fn smallest_draft_lacks_everything_else() {
    let metric: Metric = parse(draft(&json!({}))).expect("a draft");
    let completeness = Completeness::of(&metric);
    assert_eq!(completeness.missing.first().map(String::as_str), Some("short_name"));
    for path in ["definition.numerator.event_name", "data.time_grain", "governance.owner_team"] {
        assert!(completeness.missing.iter().any(|missing| missing == path), "{path}");
    }
    for path in ["metric_id", "alignment", "governance.status", "tags", "relationships"] {
        assert!(!completeness.missing.iter().any(|missing| missing == path), "{path}");
    }
    // Four of 46 are there.
    let missing = completeness.missing.len();
    assert!((completeness.share - share(4, missing + 4)).abs() < f64::EPSILON);
    assert!(completeness.share > 0.05 && completeness.share < 0.15, "{completeness:?}");
}

#[test]
fn complete_metric_of_any_status_has_share_one() {
    for status in ["draft", "active", "deprecated"] {
        let mut whole = Value::Object(Metric::template());
        whole["governance"]["status"] = json!(status);
        let metric: Metric = parse(whole).expect("a metric");
        assert_eq!(Completeness::of(&metric), Completeness::full(), "{status}");
    }
}

#[test]
fn every_field_that_a_draft_lacks_is_named_when_it_becomes_active() {
    let whole = Value::Object(Metric::template());
    let complete: Metric = parse(whole.clone()).expect("a metric");
    let all = {
        let empty: Metric = parse(draft(&json!({}))).expect("a draft");
        missing(&empty)
    };
    for gap in all {
        // A draft without this field alone.
        let mut less = whole.clone();
        let (outer, name) = gap.field.rsplit_once('.').unwrap_or(("", &gap.field));
        let outer = less.pointer_mut(&match outer {
            "" => String::new(),
            outer => format!("/{}", outer.replace('.', "/")),
        });
        let outer = outer.and_then(Value::as_object_mut).expect("a section");
        if outer.get(name).is_some_and(Value::is_array) {
            outer.insert(name.into(), json!([]));
        } else {
            outer.remove(name);
        }
        less["governance"]["status"] = json!("draft");
        let lacking: Metric = parse(less.clone()).expect("a draft");
        assert_ne!(lacking, complete);
        assert_eq!(missing(&lacking), std::slice::from_ref(&gap), "{less}");
        less["governance"]["status"] = json!("active");
        let refused = parse::<Metric>(less).expect_err("incomplete");
        assert_eq!(refused, [gap]);
    }
}

#[test]
fn items_of_lists_are_named_by_index() {
    let sources = json!([{"system": "a", "table_or_stream": "b", "connection_id": "c"}, {}]);
    let metric: Metric =
        parse(draft(&json!({"data": {"primary_sources": sources}}))).expect("a draft");
    let paths: Vec<String> = missing(&metric).into_iter().map(|gap| gap.field).collect();
    assert!(paths.iter().any(|path| path == "data.primary_sources[1].system"), "{paths:?}");
    assert!(!paths.iter().any(|path| path.starts_with("data.primary_sources[0]")), "{paths:?}");
}

#[test]
fn many_missing_fields_are_counted() {
    let rules = vec![json!({}); 200];
    let targets = json!({"targets_and_alerts": {"alert_rules": rules}});
    let metric: Metric = parse(draft(&targets)).expect("a draft");
    let completeness = Completeness::of(&metric);
    assert_eq!(completeness.missing.len(), MAX_SHOWN);
    assert!(completeness.missing_omitted > Some(900), "{completeness:?}");
}

#[test]
fn other_rules_hold_for_drafts_too() {
    let bad = draft(&json!({
        "tier": "Tier-9", "short_name": "", "description": null, "planet": 1,
        "definition": {"unit": 7, "numerator": []}, "relationships": {"upstream_metric_ids": ["ä"]},
    }));
    let refused = parse::<Metric>(bad).expect_err("not valid");
    let mut fields: Vec<&str> = refused.iter().map(|violation| violation.field.as_str()).collect();
    fields.sort_unstable();
    let expected = [
        "definition.numerator",
        "definition.unit",
        "description",
        "planet",
        "relationships.upstream_metric_ids[0]",
        "short_name",
        "tier",
    ];
    assert_eq!(fields, expected);
    for name in NEEDED_IN_DRAFTS {
        let mut less = draft(&json!({}));
        less.as_object_mut().expect("an object").remove(name);
        let refused = parse::<Metric>(less).expect_err("incomplete");
        assert_eq!(refused, [Violation::new(name, REQUIRED)]);
    }
}
