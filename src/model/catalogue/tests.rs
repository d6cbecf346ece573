//! Tests of `model::catalogue`.

use std::ops::ControlFlow;

use serde_json::Value;

use super::*;
use crate::model::violations::Violation;

const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

fn parse(document: &[u8], format: DocumentFormat) -> Result<CatalogueDraft, Vec<Violation>> {
    CatalogueDraft::parse(document, format)
}

/// Reads as from a file; returns the names of the lists of the items.
fn stream(document: &[u8], format: DocumentFormat) -> Result<Vec<&'static str>, Vec<Violation>> {
    struct Names(Vec<&'static str>);
    impl DocumentSink for Names {
        fn begin(&mut self, _: Section) -> bool {
            true
        }

        fn item(&mut self, section: Section, _: Value) -> ControlFlow<()> {
            self.0.push(section.name());
            ControlFlow::Continue(())
        }
    }
    let (mut names, mut reader) = (Names(Vec::new()), document);
    let input = DocumentInput::Stream(&mut reader, document.len() as u64);
    read_document(input, format, &mut names).map(|()| names.0)
}

#[track_caller]
fn message(document: &[u8], format: DocumentFormat) -> String {
    let [streamed, parsed] =
        [stream(document, format).expect_err("wrong"), parse(document, format).expect_err("wrong")];
    assert_eq!(streamed, parsed);
    let lines = parsed.iter().map(|Violation { field, message }| format!("{field}: {message}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn invalid_item_does_not_hide_the_others() {
    let document = r#"{"domains":[
        {"domain_id":"a","name":"A"},{"domain_id":"b"},{"domain_id":"a","name":"B"}
    ]}"#;
    let draft = parse(document.as_bytes(), DocumentFormat::Json).expect("a document");
    let valid: Vec<bool> = draft.domains.iter().map(|item| item.parsed.is_ok()).collect();
    assert_eq!(valid, [true, false, false]);
}

#[test]
fn yaml_is_parsed_like_json() {
    let yaml = "domains:\n- domain_id: a\n  name: \"x < y & z\"\n";
    let draft = parse(yaml.as_bytes(), DocumentFormat::Yaml).expect("a document");
    assert_eq!(draft.domains[0].parsed.as_ref().expect("a domain").name.as_str(), "x < y & z");
}

#[test]
fn document_of_another_shape_is_refused() {
    let json = |text: &str| message(text.as_bytes(), DocumentFormat::Json);
    for other in ["[]", "[{}]", "null", "7", "\"x\"", "true", "1.5", "-1"] {
        assert_eq!(json(other), ": must be an object with the lists `domains` and `metrics`");
    }
    for other in ["1", "{}", "{\"a\":[1]}", "null", "\"x\""] {
        let found = json(&format!("{{\"metrics\":{other}}}"));
        assert_eq!(found, "metrics: must be a list of objects");
    }
    assert_eq!(json("{\"colour\":[]}"), "colour: is not a known field");
    assert_eq!(json("{\"a\":[],\"metrics\":1}").lines().count(), 2);
    assert_eq!(json("{\"metrics\":[],\"metrics\":[]}"), "metrics: must not occur twice");
    for cut in ["", "{", "{\"metrics\":[", "{\"metrics\":[{\"metric_id\":\"m"] {
        assert!(json(cut).starts_with(": is not valid JSON at line 1"), "{cut}");
    }
    assert!(json("{} {}").contains("is not valid JSON"));
    let yaml = |text: &[u8]| message(text, DocumentFormat::Yaml);
    assert!(yaml(b"a: [").starts_with(": is not valid YAML at line 1"));
    assert!(yaml(b"metrics:\n- a: [b\n").contains("is not valid YAML at line"));
    assert_eq!(yaml(b"domains:\n- name: \xff\n"), ": must be UTF-8");
    assert!(yaml(b"{}\n---\n{}\n").contains("second one"));
}

#[test]
fn lists_may_come_in_any_order() {
    let json = b"{\"metrics\":[{},{}],\"domains\":[{}]}";
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        assert_eq!(stream(json, format), Ok(vec!["metrics", "metrics", "domains"]));
    }
}

#[test]
fn item_of_more_than_256_kib_is_refused_in_json_and_yaml() {
    let areas = |length: usize| vec!["x".repeat(length); 150];
    let document = serde_json::json!({"domains": [
        {"domain_id": "small", "name": "A", "key_areas": areas(1700)},
        {"domain_id": "large", "name": "B", "key_areas": areas(1800)},
    ]});
    let document = serde_json::to_vec(&document).expect("JSON");
    // A JSON document is YAML, too.
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        let draft = parse(&document, format).expect("a document");
        let [small, large] = draft.domains.as_slice() else { panic!("two domains") };
        assert!(small.parsed.is_ok());
        let violations = large.parsed.as_ref().expect_err("too large");
        assert_eq!(violations.shown, [Violation::new("", "must be at most 256 KiB as JSON")]);
    }
}

#[test]
fn item_that_would_take_much_memory_ends_the_reading() {
    let dense = format!("{{\"metrics\":[{{}},[{}0]]}}", "0,".repeat(1_100_000));
    let found = message(dense.as_bytes(), DocumentFormat::Json);
    assert_eq!(found, "metrics[1]: must be at most 256 KiB as JSON");
}

#[test]
fn aliases_of_yaml_are_limited() {
    let yaml = |text: &str| message(text.as_bytes(), DocumentFormat::Yaml);
    let short = "domains:\n- &a {domain_id: a, name: A}\n- *a\n";
    assert_eq!(stream(short.as_bytes(), DocumentFormat::Yaml), Ok(vec!["domains"; 2]));
    let lists =
        (1..9).map(|n| format!("- &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(",")));
    let nested = format!("metrics:\n- &a0 [x,x,x]\n{}", lists.collect::<Vec<_>>().concat());
    assert!(yaml(&nested).contains("aliases (*name)"), "{}", yaml(&nested));
    // One long text, in many places.
    let long = format!("metrics:\n- &a {}\n{}", "x".repeat(1_000_000), "- *a\n".repeat(9_000));
    assert!(yaml(&long).contains("aliases (*name)"), "{}", yaml(&long));
    let anchors = (0..1_001).map(|n| format!("- &a{n} x\n")).collect::<Vec<_>>().concat();
    assert!(yaml(&format!("metrics:\n{anchors}")).contains("more than 1000 anchors"));
}

#[test]
fn export_of_the_densest_items_is_read_again() {
    // Short keys and values, and nested lists, take the fewest bytes for a value.
    let dense = r#"{"a":[[[[[[[[1,2],[3]]]]]]],{"b":[{},{},[]]}]}"#;
    let filters: Vec<Value> = vec![serde_json::from_str(dense).expect("JSON"); 1_500];
    let metric = example(ExampleKind::Metric, ExampleDetail::Full).expect("a metric");
    let mut metric = serde_json::to_value(metric).expect("JSON");
    metric["definition"]["numerator"]["filters"] =
        Value::Array(filters.into_iter().take(200).collect());
    let calculation: serde_json::Map<String, Value> =
        (0..10_000).map(|n| (format!("{n:x}"), 1.into())).collect();
    metric["definition"]["example_calculation"] = Value::Object(calculation);
    let metric: Metric = serde_json::from_value(metric).expect("a metric");
    let (mut writer, mut text) = (DocumentWriter::new(DocumentFormat::Yaml), String::new());
    for _ in 0..60 {
        writer.metric(&mut text, &metric).expect("a text");
    }
    writer.finish(&mut text);
    assert_eq!(stream(text.as_bytes(), DocumentFormat::Yaml).map(|items| items.len()), Ok(60));
}

#[test]
fn document_is_written_item_by_item_as_at_once() {
    let draft = parse(SAMPLE.as_bytes(), DocumentFormat::Yaml).expect("a document");
    let domains = draft.domains.into_iter().map(|item| *item.parsed.expect("a domain"));
    let metrics = draft.metrics.into_iter().map(|item| *item.parsed.expect("a metric"));
    let all = Catalogue { domains: domains.collect(), metrics: metrics.collect() };
    let no_metrics = Catalogue { metrics: Vec::new(), ..all.clone() };
    let no_domains = Catalogue { domains: Vec::new(), ..all.clone() };
    let none = Catalogue { domains: Vec::new(), metrics: Vec::new() };
    for catalogue in [all, no_metrics, no_domains, none] {
        for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
            let at_once = match format {
                DocumentFormat::Json => {
                    serde_json::to_string_pretty(&catalogue).expect("JSON") + "\n"
                }
                DocumentFormat::Yaml => serde_saphyr::to_string(&catalogue).expect("YAML"),
            };
            assert_eq!(written(&catalogue, format), at_once);
        }
    }
}

fn written(catalogue: &Catalogue, format: DocumentFormat) -> String {
    let (mut writer, mut text) = (DocumentWriter::new(format), String::new());
    for domain in &catalogue.domains {
        writer.domain(&mut text, domain).expect("a text");
    }
    for metric in &catalogue.metrics {
        writer.metric(&mut text, metric).expect("a text");
    }
    writer.finish(&mut text);
    text
}
