//! Tests of `model::patch`.

use super::*;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use crate::model::parse::parse_body;
use crate::model::rich_text::SANITISED;
use serde_json::json;

fn violations<T: Patchable>(fields: &Value) -> Vec<String> {
    let fields = fields.as_object().cloned().unwrap_or_default();
    let violations = Patch::<T>::new(fields).err().unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

fn domain(fields: &Value) -> BusinessDomain {
    let mut domain = BusinessDomain::template();
    domain.extend(fields.as_object().cloned().unwrap_or_default());
    deserialize(Value::Object(domain)).expect("a domain")
}

#[test]
fn templates_break_no_rule() {
    assert_eq!(violations::<Metric>(&json!({})), [""; 0]);
    assert_eq!(violations::<BusinessDomain>(&json!({})), [""; 0]);
}

#[test]
fn only_fields_of_the_patch_are_validated() {
    assert_eq!(violations::<Metric>(&json!({"tags": ["a"], "metadata": {"notes": "n"}})), [""; 0]);
    assert_eq!(violations::<Metric>(&json!({"colour": 1})), ["colour"]);
    assert_eq!(violations::<Metric>(&json!({"tier": null})), ["tier"]);
    assert_eq!(violations::<Metric>(&json!({"name": "", "tags": ["a", ""]})), ["name", "tags[1]"]);
    assert_eq!(violations::<BusinessDomain>(&json!({"contact_email": "x"})), ["contact_email"]);
    let patch = Patch::<BusinessDomain>::new(Map::new()).expect("an empty patch");
    let old = domain(&json!({"name": "two\nlines"}));
    assert_eq!(patch.apply_to(&old), Ok(old));
}

#[test]
fn patches_cannot_add_up_to_more_than_256_kib() {
    let patch = |fields: Value| {
        Patch::<BusinessDomain>::new(fields.as_object().cloned().unwrap_or_default())
            .expect("a patch")
    };
    // A patch of 120 KiB, and one of 160 KiB.
    let areas = json!(vec!["x".repeat(1200); 100]);
    let focus: Map<_, _> = (0..80).map(|n| (n.to_string(), json!("x".repeat(2000)))).collect();
    let (areas, focus) = (json!({"key_areas": areas}), json!({"tier_focus": focus}));

    let half = patch(areas.clone()).apply_to(&domain(&json!({}))).expect("a domain");
    let refused = patch(focus.clone()).apply_to(&half).expect_err("too large");
    assert_eq!(refused, [Violation::new("", "must be at most 256 KiB as JSON")]);

    // A document that was stored before there was a limit may shrink, but not grow.
    let mut fields = areas.as_object().cloned().unwrap_or_default();
    fields.extend(focus.as_object().cloned().unwrap_or_default());
    let large = domain(&Value::Object(fields));
    assert!(json_length(&large) > MAX_ITEM_BYTES);
    assert!(patch(json!({"name": "y"})).apply_to(&large).is_ok());
    assert!(patch(json!({"name": "xy"})).apply_to(&large).is_err());
}

fn merge_violations<T: Patchable>(patch: &Value) -> Vec<String> {
    let fields = patch.as_object().cloned().unwrap_or_default();
    let violations = Patch::<T>::from_merge_patch(fields).err().unwrap_or_default();
    violations.into_iter().map(|found| format!("{} {}", found.field, found.message)).collect()
}

#[test]
fn merge_patch_is_validated_without_the_document() {
    let fine = json!({"definition": {"unit": "u"}, "tags": null, "metadata": {"notes": null}});
    assert_eq!(merge_violations::<Metric>(&fine), [""; 0]);
    let bad = json!({
        "metric_id": null,
        "name": {"a": 1},
        "definition": {"unit": null, "formla": null, "numerator": {"event_name": ""}},
        "colour": null,
    });
    assert_eq!(
        merge_violations::<Metric>(&bad),
        [
            "metric_id is required",
            "name must be a text",
            "definition.numerator.event_name must not be empty",
            "definition.unit is required",
            "definition.formla is not a known field",
            "colour is not a known field",
        ]
    );
}

#[test]
fn merge_cannot_break_a_rule_about_a_whole_object() {
    let values = |from: usize| -> Map<String, Value> {
        (from..from + 600).map(|n| (n.to_string(), json!(n))).collect()
    };
    let patch = |from: usize| {
        let patch = json!({"tier_focus": values(from)});
        Patch::<BusinessDomain>::from_merge_patch(patch.as_object().cloned().unwrap_or_default())
            .expect("a patch")
    };
    let half = patch(0).apply_to(&domain(&json!({}))).expect("a domain");
    let refused = patch(1000).apply_to(&half).expect_err("too many values");
    assert!(refused[0].field.starts_with("tier_focus."), "{refused:?}");
    // What was broken before stays possible to patch elsewhere.
    let old = domain(&json!({"name": "two\nlines", "tier_focus": {"a": 1}}));
    let merged = Patch::<BusinessDomain>::from_merge_patch(
        json!({"tier_focus": {"b": 2}}).as_object().cloned().unwrap_or_default(),
    );
    let merged = merged.expect("a patch").apply_to(&old).expect("a domain");
    assert_eq!(json!(merged.tier_focus), json!({"a": 1, "b": 2}));
}

/// Returns how many texts a change sanitises: each with `<` once, whatever follows.
fn sanitised(work: impl FnOnce()) -> usize {
    let before = SANITISED.get();
    work();
    SANITISED.get() - before
}

#[test]
fn rich_texts_of_a_change_are_sanitised_once() {
    let object = |value: &Value| value.as_object().cloned().expect("an object");
    let mut whole = Metric::template();
    whole.insert("description".to_owned(), json!("<b>old</b><hr>"));
    let stored: Metric = deserialize(Value::Object(whole)).expect("a metric");

    let replacing = json!({"description": "<b>x</b><hr>", "metadata": {"notes": "<i>y</i>"}});
    let texts = sanitised(|| {
        let patch = Patch::<Metric>::new(object(&replacing)).expect("a patch");
        assert_eq!(patch.warnings.shown.len(), 1);
        // A transaction may run again.
        for _ in 0..2 {
            let patched = patch.apply_to(&stored).expect("a metric");
            assert_eq!(patched.description.unwrap().as_str(), "<b>x</b>");
        }
    });
    assert_eq!(texts, 2);

    let filter = json!({"comment": "<p>z</p><hr>"});
    let merging = json!({
        "metadata": {"notes": "<i>y</i>"},
        "definition": {"numerator": {"filters": [filter]}},
    });
    let texts = sanitised(|| {
        let patch = Patch::<Metric>::from_merge_patch(object(&merging)).expect("a patch");
        assert_eq!(patch.warnings.shown[0].field, "definition.numerator.filters[0].comment");
        for _ in 0..2 {
            let patched = json!(patch.apply_to(&stored).expect("a metric"));
            let comment = &patched["definition"]["numerator"]["filters"][0]["comment"];
            assert_eq!(
                (comment, &patched["description"]),
                (&json!("<p>z</p>"), &json!("<b>old</b>"))
            );
        }
    });
    assert_eq!(texts, 2);

    let mut created = Metric::template();
    created.extend(object(&replacing));
    let texts = sanitised(|| {
        let (metric, warnings) = parse_body::<Metric>(created).expect("a metric");
        assert_eq!((metric.description.unwrap().as_str(), warnings.shown.len()), ("<b>x</b>", 1));
    });
    assert_eq!(texts, 2);
}

#[test]
fn every_field_of_a_body_can_be_replaced() {
    let read_only = ["version", "created_at", "updated_at"];
    let domain = |name: &str| -> BusinessDomain {
        let fields = json!({
            "domain_id": name, "name": name, "description": name, "owner_team": name,
            "contact_email": format!("{name}@example.com"), "tier_focus": {"Tier-1": name},
            "key_areas": [name], "color": name,
        });
        deserialize(fields).expect("a domain")
    };
    let (mut patched, new) = (domain("old"), domain("new"));
    for field in Shape::of::<BusinessDomain>().fields() {
        let before = patched.clone();
        patched.copy_field(&field.name, &new);
        assert_eq!(before == patched, read_only.contains(&field.name.as_str()), "{}", field.name);
    }
    assert_eq!(patched, new);
}
