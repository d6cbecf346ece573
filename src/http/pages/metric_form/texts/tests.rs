//! The texts of the form, from content and back.

use serde_json::json;

use super::*;

fn form(texts: &FormTexts) -> FormFields {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    FormFields::parse(&body.extend_pairs(texts).finish()).unwrap()
}

#[test]
fn metric_survives_its_form() {
    let content = json!({
        "name": "N", "tags": ["a", "b & c"], "description": "one\ntwo <b>x</b>",
        "definition": {"formula": "a < b", "example_calculation": {"a": 1, "b": 0.1},
            "numerator": {"event_name": "e", "filters": [{"status": {"in": ["a", null]}}]},
            "denominator": {"filters": []}},
        "governance": {"status": "draft", "pii_involved": false,
            "regulatory_constraints": ["one\n\ntwo", "three"]},
        "dimensions": [{"name": "d", "allowed_values": ["x", "y"], "required": true},
            {"name": "e", "allowed_values": [], "required": false}],
        "targets_and_alerts": {"target_value": -2.5e10, "alert_rules": [
            {"rule_id": "r", "notify_channels": ["a", "b"], "severity": "info"}]},
    });
    let patch = patch_of(&form(&texts_of(&content)), &content);
    let read = Value::Object(without_nulls(patch));
    for path in [
        "name",
        "tags",
        "description",
        "definition.formula",
        "definition.example_calculation",
        "definition.numerator",
        "governance.pii_involved",
        "governance.regulatory_constraints",
        "dimensions",
        "targets_and_alerts.target_value",
        "targets_and_alerts.alert_rules",
    ] {
        assert_eq!(at(&read, path), at(&content, path), "{path}");
    }
}

#[test]
fn emptied_fields_are_removed_and_unreadable_ones_stay_texts() {
    let stored =
        json!({"short_name": "S", "definition": {"example_calculation": {"a": 1, "b": 2}}});
    let texts = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    let patch =
        |name: &str, text: &str| Value::Object(patch_of(&form(&texts(name, text)), &stored));
    assert_eq!(patch("short_name", " ")["short_name"], Value::Null);
    let name = "definition.example_calculation";
    let example = patch(name, "{\"b\": 3}");
    assert_eq!(at(&example, name), &json!({"a": null, "b": 3}));
    assert_eq!(at(&patch(name, "{oops"), name), "{oops");
    let target = "targets_and_alerts.target_value";
    assert_eq!(at(&patch(target, "12"), target), 12);
    assert_eq!(at(&patch(target, "a lot"), target), "a lot");
    assert_eq!(rows(&form(&texts("tags[4000000000]", "x")), "tags"), 300);
}

#[test]
fn form_has_every_field_that_people_write() {
    let paths: Vec<&str> = inputs().map(|input| input.path).collect();
    let has = |name: &String| {
        let below = format!("{name}.");
        paths.iter().any(|path| path == name || path.starts_with(&below))
    };
    let all = crate::model::fields::selectable::<crate::model::metrics::Metric>();
    let set_by_server = [
        "version",
        "created_at",
        "created_by",
        "last_updated",
        "last_updated_by",
        "change_history",
    ]
    .map(|name| format!("metadata.{name}"));
    let missing: Vec<_> = all
        .iter()
        .filter(|name| !has(name) && !set_by_server.contains(name) && *name != "metric_id")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
