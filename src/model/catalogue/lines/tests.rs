//! Tests of `model::catalogue::lines`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn lines(text: &str, format: DocumentFormat, paths: &[&str]) -> Vec<Option<usize>> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    lines_of(text, format, &paths)
}

const PATHS: [&str; 9] = [
    "metrics",
    "metrics[0]",
    "metrics[0].name",
    "metrics[1].data.time_grain[1]",
    "metrics[1].data.primary_sources[0].system",
    "metrics[1].missing.deeper",
    "metrics[7].tier",
    "domains[0].name",
    "",
];

#[test]
fn parts_of_yaml_have_lines() {
    let text = [
        "# a comment",
        "metrics:",
        "  - metric_id: \"a: b\"",
        "    name: |",
        "      metrics:",
        "        - x",
        "  -",
        "    # one more",
        "    data: {time_grain: [a,",
        "      b]}",
        "    more:",
        "    data:",
        "      primary_sources:",
        "      - {table: t,",
        "         system: s}",
    ];
    let text = &text.join("\n");
    // The parser of items refuses a field that is there twice; here the last one counts.
    let expected =
        [Some(2), Some(3), Some(4), Some(10), Some(15), Some(9), Some(2), None, None].to_vec();
    assert_eq!(lines(text, DocumentFormat::Yaml, &PATHS), expected);
}

#[test]
fn parts_of_json_have_lines() {
    let text = "{\"x\": [1, -2.5e+3, true,\n null], \"metrics\": [\n{\"metric_id\": \"}]\\\"{\",\n\
        \"na\\u006de\":\n\"x\"}, {\"more\": {}, \"data\":\n{\"time_grain\": [\"a\"\n,\"b\"],\n\
        \"primary_sources\":[{\n\"system\":0}]}}]}";
    let expected =
        [Some(2), Some(3), Some(4), Some(7), Some(9), Some(5), Some(2), None, None].to_vec();
    assert_eq!(lines(text, DocumentFormat::Json, &PATHS), expected);
}

#[test]
fn what_aliases_stand_for_has_the_line_of_the_alias() {
    let text = "metrics:\n- &one\n  data:\n    unit: x\n- *one\n- data: &two {unit: y}\n\
        - <<: *one\n  data: *two\n";
    let paths = ["metrics[0].data.unit", "metrics[1].data.unit", "metrics[3].data.unit"];
    assert_eq!(lines(text, DocumentFormat::Yaml, &paths), [Some(4), Some(5), Some(8)]);
}

#[test]
fn keys_that_are_no_texts_disturb_no_other() {
    let text = "? [a, {b: c}]\n: {metrics: 1}\nmetrics:\n- ? {x: y}\n  : z\n  tier: 1\n";
    let paths = ["metrics", "metrics[0].tier"];
    assert_eq!(lines(text, DocumentFormat::Yaml, &paths), [Some(3), Some(6)]);
}

#[test]
fn what_follows_an_error_has_no_line() {
    let text = "metrics:\n- tier: 1\n- tier: [\n";
    let paths = ["metrics[0].tier", "domains[0].name"];
    assert_eq!(lines(text, DocumentFormat::Yaml, &paths), [Some(2), None]);
    for text in ["", "{", "\"", "[}\"\\", "]]]]", "{\"metrics\": [\"", "\u{e4}", "nul"] {
        assert_eq!(lines(text, DocumentFormat::Json, &["domains[0]"]), [None], "{text}");
        lines(text, DocumentFormat::Yaml, &["domains[0]"]);
    }
}

/// Values with names that are paths, too.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\\[\\]{}:,#\"\\\\ \n\u{e4}\u{1f600}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Paths of everything in a value, in the order of the text.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.push(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let path = format!("{path}[{at}]");
                found.push(path.clone());
                paths(item, &path, found);
            }
        }
        _ => {}
    }
}

proptest! {
    /// Pretty JSON has each field and each item on a line of its own, and is YAML, too.
    #[test]
    fn every_part_of_a_pretty_document_is_on_its_own_line(value in value()) {
        let document = json!({"metrics": [value]});
        let text = serde_json::to_string_pretty(&document).expect("JSON");
        let mut all = Vec::new();
        paths(&document, "", &mut all);
        let found = lines_of(&text, DocumentFormat::Json, &all);
        prop_assert!(found.iter().all(Option::is_some));
        prop_assert!(found.is_sorted(), "{text} {all:?} {found:?}");
        let mut distinct = found.clone();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), all.len());
        for (path, line) in all.iter().zip(&found) {
            let line = text.lines().nth(line.expect("a line") - 1).expect("a line");
            if let Some((_, name)) = path.rsplit_once('.').filter(|(_, name)| !name.contains('[')) {
                prop_assert!(line.trim_start().starts_with(&format!("\"{name}\":")), "{}", line);
            }
        }
        // Not all escapes of JSON are those of YAML; these texts have none that differ.
        prop_assert_eq!(lines_of(&text, DocumentFormat::Yaml, &all), found);
    }

    #[test]
    fn no_text_disturbs(text in "[\\[\\]{}:,\"'\\\\#&*?|>a -]{0,40}\n?[\\[\\]{}:,\"a -]{0,20}") {
        let paths = ["a".to_owned(), "[0]".to_owned(), "a.a[0]".to_owned()];
        lines_of(&text, DocumentFormat::Json, &paths);
        lines_of(&text, DocumentFormat::Yaml, &paths);
    }
}
