//! Tests of what `mdl diff` prints.

use serde_json::json;

use super::*;
use crate::model::changes::ItemKind;

fn printed(format: ReportFormat, items: Vec<ItemDifference>) -> String {
    let mut report = Report::new(format);
    for item in &items {
        report.add(item);
    }
    let mut text = Vec::new();
    report.write_to(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn items() -> Vec<ItemDifference> {
    let change = ValueChange {
        path: "name".into(),
        pointer: "/name".into(),
        old: Some(json!("a\u{1b}[31m\u{202e}")),
        new: None,
        spans: None,
    };
    vec![
        ItemDifference::new(DifferenceKind::Created, ItemKind::Metric, "m1"),
        ItemDifference::changed(ItemKind::Domain, "d1", Vec::new()),
        ItemDifference::changed(ItemKind::Domain, "d2", vec![change]),
    ]
}

#[test]
fn text_has_a_line_for_each_item_and_field_and_no_control_characters() {
    let text = printed(ReportFormat::Text, items());
    assert_eq!(
        text,
        "created metric m1\nchanged domain d2\n  name: \"a\\u001b[31m\u{fffd}\" -> absent\n\
         created 1, changed 1, missing 0, unchanged 1\n"
    );
}

#[test]
fn json_is_one_document_with_or_without_differences() {
    let parsed: Value = serde_json::from_str(&printed(ReportFormat::Json, items())).unwrap();
    let counts = json!({"unchanged": 1, "created": 1, "changed": 1, "missing": 0});
    assert_eq!(parsed["counts"], counts);
    assert_eq!(parsed["differences"][0]["difference"], "created");
    assert_eq!(parsed["differences"][1]["changes"][0]["path"], "name");
    let parsed: Value = serde_json::from_str(&printed(ReportFormat::Json, vec![])).unwrap();
    assert_eq!(parsed["differences"], json!([]));
    assert_eq!(printed(ReportFormat::None, items()), "");
}
