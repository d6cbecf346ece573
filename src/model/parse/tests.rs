//! Tests of `model::parse`.

use super::*;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use crate::model::patch::Patchable;
use serde_json::json;

fn violations<T>(value: &Value) -> Vec<(String, String)>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + std::fmt::Debug + 'static,
{
    let found = parse::<T>(value.clone()).expect_err("violations");
    found.into_iter().map(|violation| (violation.field, violation.message)).collect()
}

fn metric(change: impl FnOnce(&mut Value)) -> Value {
    let mut metric = Value::Object(Metric::template());
    change(&mut metric);
    metric
}

#[test]
fn structure_and_rules_are_reported_together_in_the_order_of_the_fields() {
    let body = metric(|metric| {
        metric["name"] = json!(" ");
        metric["colour"] = json!("red");
        metric["tier"] = json!("Tier-9");
        metric["tags"] = json!("a");
        metric["alignment"] = json!(["p", [], [], "w"]);
        metric["data"]["primary_sources"] = json!([{"system": "", "connection_id": 5}]);
        metric["governance"]["created_at"] = json!("yesterday");
        metric["governance"]["pii_involved"] = json!("no");
        metric["targets_and_alerts"]["target_value"] = json!("1");
    });
    let found = violations::<Metric>(&body);
    let found: Vec<_> = found.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
    assert_eq!(
        found,
        [
            ("name", "must not be empty"),
            ("tier", "must be one of Tier-1, Tier-2, Tier-3"),
            ("tags", "must be a list of texts"),
            ("alignment", "must be an object"),
            ("data.primary_sources[0].system", "must not be empty"),
            ("data.primary_sources[0].table_or_stream", "is required"),
            ("data.primary_sources[0].connection_id", "must be a text"),
            ("governance.pii_involved", "must be true or false"),
            ("governance.created_at", "must be an existing RFC 3339 date and time"),
            ("targets_and_alerts.target_value", "must be a number"),
            ("colour", "is not a known field"),
        ]
    );
}

#[test]
fn missing_section_is_reported_with_what_it_must_contain() {
    let body = metric(|metric| {
        metric["alignment"] = Value::Null;
        metric.as_object_mut().expect("an object").remove("operational_usage");
    });
    let required = |field: &str| (field.to_owned(), "is required".to_owned());
    assert_eq!(
        violations::<Metric>(&body),
        [
            ("alignment".to_owned(), "must be an object".to_owned()),
            required("operational_usage"),
            required("operational_usage.decision_use_cases"),
            required("operational_usage.review_cadence"),
        ]
    );
    assert_eq!(
        violations::<BusinessDomain>(&json!({"name": 5})),
        [required("domain_id"), ("name".to_owned(), "must be a text".to_owned()),]
    );
    assert_eq!(
        violations::<BusinessDomain>(&json!([])),
        [(String::new(), "must be an object".to_owned())]
    );
}

#[test]
fn number_of_violations_is_bounded_and_none_contains_a_value() {
    let body = metric(|metric| metric["tags"] = json!(vec![json!({"SECRET": "SECRET"}); 150_000]));
    let found = violations::<Metric>(&body);
    assert_eq!(found.len(), 100_000);
    assert_eq!(found[99], ("tags[99]".to_owned(), "must be a text".to_owned()));
    assert_eq!(found[100], (String::new(), String::new()));
    assert!(found.iter().all(|(field, message)| !format!("{field}{message}").contains("SECRET")));
    // Each kind alone is bounded; both together are, too.
    let body = metric(|metric| {
        metric["tags"] = json!(vec![""; 90]);
        metric["dimensions"] = json!(vec![5; 90]);
    });
    let found = violations::<Metric>(&body);
    assert_eq!(found.len(), 180);
    assert_eq!(found.iter().filter(|(_, message)| !message.is_empty()).count(), 100);
}

#[test]
fn item_whose_violations_are_not_shown_is_counted_or_accepted() {
    let found = parse_showing::<Metric>(json!({"colour": 1}), 0).expect_err("wrong");
    assert_eq!(found.len(), parse::<Metric>(json!({"colour": 1})).expect_err("wrong").len());
    assert!(found.iter().all(|violation| *violation == Violation::new("", "")));
    let right = Value::Object(Metric::template());
    assert_eq!(parse_showing::<Metric>(right.clone(), 0), parse::<Metric>(right));
}
