//! What the form of a domain sends, and how changes of two writers are merged.

use super::*;

fn domain() -> DomainTexts {
    DomainTexts::from_content(&json!({
        "domain_id": "d", "name": "Finance", "description": null, "owner_team": "Team",
        "tier_focus": {"Tier-1": "a", "Tier-2": {"x": 1}}, "key_areas": ["p", "q"],
    }))
}

fn with(changes: &[(&'static str, &str)]) -> DomainTexts {
    let mut texts = domain();
    texts.0.extend(changes.iter().map(|(name, text)| (*name, (*text).to_owned())));
    texts
}

#[test]
fn only_changed_fields_are_sent() {
    let patch = |changes: &[(&'static str, &str)]| {
        let changed = with(changes);
        Value::Object(changed.to_patch(&changed.changed_since(&domain())))
    };
    assert_eq!(patch(&[]), json!({}));
    assert_eq!(patch(&[("name", "")]), json!({"name": ""}));
    assert_eq!(
        patch(&[("owner_team", ""), ("tier_1", ""), ("tier_3", "c"), ("key_areas", " p \n\nr")]),
        json!({"owner_team": null, "tier_focus": {"Tier-1": null, "Tier-3": "c"},
            "key_areas": ["p", "r"]})
    );
}

#[test]
fn changes_of_two_writers_are_merged_by_field() {
    let mine = with(&[("owner_team", "Mine"), ("color", "red")]);
    let theirs = with(&[("owner_team", "Theirs"), ("name", "Money")]);
    let merged = mine.merged_with(&theirs, &domain());
    assert_eq!(merged, with(&[("owner_team", "Mine"), ("color", "red"), ("name", "Money")]));
}

#[test]
fn creation_has_what_was_typed() {
    let typed = FormFields::parse("name=+A+&key_areas=x%0D%0Ay&tier_2=b&color=").unwrap();
    let body = DomainTexts::from_form(&typed).to_creation("d-1");
    let expected = json!({"domain_id": "d-1", "name": "A", "tier_focus": {"Tier-2": "b"},
        "key_areas": ["x", "y"]});
    assert_eq!(Value::Object(body), expected);
}
