//! Tests of `model::catalogue`.

use super::*;

#[test]
fn a_bad_item_does_not_hide_the_others() {
    let document = r#"{"domains":[{"domain_id":"a","name":"A"},{"domain_id":"b"},{"domain_id":"a","name":"B"}]}"#;
    let draft = Draft::read(document.as_bytes(), Format::Json).expect("a document");
    let sound: Vec<bool> = draft.domains.iter().map(|item| item.parsed.is_ok()).collect();
    assert_eq!(sound, [true, false, false]);
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = "domains:\n- domain_id: a\n  name: \"x < y & z\"\n";
    let draft = Draft::read(yaml.as_bytes(), Format::Yaml).expect("a document");
    assert_eq!(draft.domains[0].parsed.as_ref().expect("a domain").name.as_str(), "x < y & z");
}

#[test]
fn what_is_no_catalogue_is_refused() {
    for bad in ["[]", "{\"metrics\":1}", "{\"colour\":[]}", "{", "{\"metrics\":[],\"metrics\":[]}"]
    {
        assert!(Draft::read(bad.as_bytes(), Format::Json).is_err(), "{bad}");
    }
    assert!(Draft::read(b"a: [", Format::Yaml).is_err());
    assert!(Draft::read(b"\xff", Format::Yaml).is_err());
}
