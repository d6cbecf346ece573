//! Tests of `model::catalogue`.

use super::*;

#[test]
fn invalid_item_does_not_hide_the_others() {
    let document = r#"{"domains":[
        {"domain_id":"a","name":"A"},{"domain_id":"b"},{"domain_id":"a","name":"B"}
    ]}"#;
    let draft =
        CatalogueDraft::parse(document.as_bytes(), DocumentFormat::Json).expect("a document");
    let valid: Vec<bool> = draft.domains.iter().map(|item| item.parsed.is_ok()).collect();
    assert_eq!(valid, [true, false, false]);
}

#[test]
fn yaml_is_parsed_like_json() {
    let yaml = "domains:\n- domain_id: a\n  name: \"x < y & z\"\n";
    let draft = CatalogueDraft::parse(yaml.as_bytes(), DocumentFormat::Yaml).expect("a document");
    assert_eq!(draft.domains[0].parsed.as_ref().expect("a domain").name.as_str(), "x < y & z");
}

#[test]
fn document_of_another_shape_is_refused() {
    for bad in ["[]", "{\"metrics\":1}", "{\"colour\":[]}", "{", "{\"metrics\":[],\"metrics\":[]}"]
    {
        assert!(CatalogueDraft::parse(bad.as_bytes(), DocumentFormat::Json).is_err(), "{bad}");
    }
    assert!(CatalogueDraft::parse(b"a: [", DocumentFormat::Yaml).is_err());
    assert!(CatalogueDraft::parse(b"\xff", DocumentFormat::Yaml).is_err());
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
        let draft = CatalogueDraft::parse(&document, format).expect("a document");
        let [small, large] = draft.domains.as_slice() else { panic!("two domains") };
        assert!(small.parsed.is_ok());
        let violations = large.parsed.as_ref().expect_err("too large");
        assert_eq!(violations.shown, [Violation::new("", "must be at most 256 KiB as JSON")]);
    }
}
