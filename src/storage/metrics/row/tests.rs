//! Tests of `storage::metrics::row`.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::model::metrics::history::ChangeType;
use crate::model::patch::{Patch, Patchable};
use crate::model::rich_text::SANITISED;

fn metric(fields: &Value) -> Metric {
    let mut whole = Metric::template();
    whole.extend(fields.as_object().cloned().unwrap());
    serde_json::from_value(Value::Object(whole)).unwrap()
}

fn entry(revision: i32) -> HistoryEntry {
    HistoryEntry {
        revision,
        version: format!("1.0.{revision}"),
        changed_at: "2025-01-01T00:00:00Z".to_owned(),
        changed_by: "alice".to_owned(),
        change_type: ChangeType::Update,
        fields_changed: vec!["tags".to_owned()],
        changes_summary: "Changed tags".to_owned(),
    }
}

/// Returns the row of a metric, as the database would return it.
fn row(metric: &Metric) -> MetricRow {
    let columns = ContentColumns::new(metric).unwrap();
    // `jsonb` is returned with spaces.
    let spaced = |document: Document| {
        let value: Value = serde_json::from_str(document.text()).unwrap();
        let text = value.to_string().replace("\":", "\": ");
        Document::new(&RawValue::from_string(text).unwrap()).unwrap()
    };
    let history = HistoryColumns::first(&entry(1)).unwrap();
    MetricRow {
        metric_id: metric.metric_id.as_str().to_owned(),
        name: columns.name.to_owned(),
        short_name: columns.short_name.to_owned(),
        description: columns.description.to_owned(),
        category: columns.category.to_owned(),
        tier: columns.tier.to_owned(),
        business_domain: columns.business_domain.to_owned(),
        metric_type: columns.metric_type.to_owned(),
        tags: spaced(columns.tags),
        alignment: spaced(columns.alignment),
        definition: spaced(columns.definition),
        data: spaced(columns.data),
        governance: spaced(columns.governance),
        dimensions: spaced(columns.dimensions),
        targets_and_alerts: spaced(columns.targets_and_alerts),
        visualization: spaced(columns.visualization),
        relationships: spaced(columns.relationships),
        operational_usage: spaced(columns.operational_usage),
        notes: columns.notes.map(str::to_owned),
        example_queries: spaced(columns.example_queries),
        version: history.version,
        revision: history.revision,
        created_at: DateTime::UNIX_EPOCH,
        created_by: "alice".to_owned(),
        updated_at: DateTime::UNIX_EPOCH,
        updated_by: "alice".to_owned(),
        change_history: history.change_history,
    }
}

#[test]
fn stored_rich_texts_are_not_sanitised_again() {
    let template = Metric::template();
    let mut definition = template["definition"].clone();
    definition["numerator"]["filters"] = json!([{"comment": "<i>y</i>"}]);
    let fields = json!({
        "description": "<b>x</b>", "definition": definition,
        "metadata": {"notes": "<p>z</p>", "example_queries": [{"language": "a", "query": "<b"}]},
    });
    let stored = metric(&fields);
    let row = row(&stored);
    let before = SANITISED.get();
    assert_eq!(row.to_metric().unwrap(), stored);
    assert_eq!(SANITISED.get(), before);
}

#[test]
fn other_html_of_a_row_that_was_written_by_hand_is_removed() {
    let mut row = row(&metric(&json!({})));
    row.description = "<b>x</b><script>alert(1)</script>".to_owned();
    row.notes = Some("<a href=\"javascript:x\">y</a>".to_owned());
    let metric = row.to_metric().unwrap();
    assert_eq!(metric.description.unwrap().as_str(), "<b>x</b>");
    let notes = metric.metadata.notes.unwrap();
    assert_eq!(notes.as_str(), "<a rel=\"noopener noreferrer nofollow\">y</a>");
}

#[test]
fn section_of_another_structure_is_corrupt() {
    for text in ["[]", "{\"strategic_pillar\": \"p\", \"why_it_matters\": \"w\", \"x\": 1}"] {
        let mut row = row(&metric(&json!({})));
        row.alignment = Document::new(&RawValue::from_string(text.to_owned()).unwrap()).unwrap();
        assert!(matches!(row.to_metric(), Err(StorageError::Corrupt { .. })), "{text}");
    }
    let mut row = row(&metric(&json!({})));
    row.tier = "Tier-9".to_owned();
    assert!(matches!(row.to_metric(), Err(StorageError::Corrupt { .. })));
}

#[test]
fn only_sections_that_differ_are_serialised() {
    let row = row(&metric(&json!({"tags": ["a"]})));
    let before = row.to_metric().unwrap();
    let fields = json!({"tags": ["b"], "alignment": json!(before.alignment)});
    let patch = Patch::<Metric>::new(fields.as_object().cloned().unwrap()).unwrap();
    let after = patch.apply_to(&before).unwrap();
    let diff = MetricDiff::between(&before, &after).unwrap();
    assert_eq!(diff.paths(), ["tags"]);
    let columns = ContentColumns::changed(&row, &after, &diff).unwrap();
    assert_eq!(columns.tags.text(), "[\"b\"]");
    assert!(columns.alignment.text().contains("\": "));
    assert_eq!(columns.alignment.text(), row.alignment.text());
    assert_eq!(columns.example_queries.text(), row.example_queries.text());
}

#[test]
fn newest_twenty_entries_of_the_history_are_kept_as_they_are() {
    let mut row = row(&metric(&json!({})));
    for revision in 2..=25 {
        row.change_history =
            HistoryColumns::appended(&row, &entry(revision)).unwrap().change_history;
    }
    let history: Vec<HistoryEntry> = serde_json::from_str(row.change_history.text()).unwrap();
    let revisions: Vec<i32> = history.iter().map(|entry| entry.revision).collect();
    assert_eq!(revisions, (6..=25).rev().collect::<Vec<_>>());
    assert_eq!(history[0], entry(25));
}
