//! Tests of `model::fields`.

use super::*;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use serde_json::json;

fn selection(list: &str) -> Result<FieldSelection, String> {
    FieldSelection::from_list::<Metric>(list).map_err(|error| error.to_string())
}

#[test]
fn fields_and_parts_of_them_are_selected() {
    let item = || json!({"metric_id": "m", "name": "n", "tags": [1], "data": {"a": 1, "b": 2}});
    for (list, expected) in [
        ("name", json!({"metric_id": "m", "name": "n"})),
        ("metric_id", json!({"metric_id": "m"})),
        (" tags , name,name", json!({"metric_id": "m", "name": "n", "tags": [1]})),
        ("data", json!({"metric_id": "m", "data": {"a": 1, "b": 2}})),
        ("data.time_grain", json!({"metric_id": "m", "data": {}})),
        ("data.time_grain,data", json!({"metric_id": "m", "data": {"a": 1, "b": 2}})),
        ("metadata.notes", json!({"metric_id": "m"})),
    ] {
        assert_eq!(selection(list).expect(list).select(item()), expected, "{list}");
    }
    let parts = selection("metadata.notes,metadata.version,tags").expect("a selection");
    assert!(parts.includes("metadata") && parts.includes_part("metadata", "notes"));
    assert!(!parts.includes_part("metadata", "change_history") && !parts.includes("data"));
    assert!(selection("metadata").expect("all").includes_part("metadata", "change_history"));
}

#[test]
fn tags_differ_between_selections_only() {
    let tag = |list: &str| selection(list).expect(list).tag();
    assert_eq!(tag("name,tags"), tag("tags,name,metric_id"));
    assert_ne!(tag("name,tags"), tag("name"));
    assert_ne!(tag("data"), tag("data.time_grain"));
}

#[test]
fn refusals_name_the_fields_that_there_are() {
    for list in ["", "colour", "name,,tags", "name.x", "tags.x", "dimensions.name", "Name"] {
        let message = selection(list).expect_err(list);
        assert!(message.contains("list of the fields metric_id, name, short_name"), "{message}");
        assert!(message.ends_with("metadata") && !message.contains("colour"), "{message}");
    }
    let message = selection("data.sources").expect_err("unknown");
    assert!(message.contains("data.primary_sources, data.secondary_sources"), "{message}");
    assert!(!message.contains("definition"), "{message}");
    let names = selectable::<BusinessDomain>();
    assert_eq!(names[..2], ["domain_id", "name"]);
    assert!(names.contains(&"updated_at".to_owned()));
}
