//! Tests of `model::warnings`.

use super::*;
use serde_json::json;

fn warnings(body: &Value) -> Warnings {
    Warnings::clean_body(&mut body.as_object().expect("an object").clone())
}

#[test]
fn rich_texts_are_searched_at_any_depth() {
    let body = json!({
        "name": "<script>", "formula": "<h1>x</h1>", "description": "<h1>x</h1> per <product>",
        "numerator": {"filters": [{"my_Notes": ["<hr>", {"code": "<hr>", "comment": "<hr>"}]}]},
    });
    let found = warnings(&body);
    let found: Vec<_> = found
        .shown
        .iter()
        .map(|warning| (warning.field.as_str(), warning.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("description", "<h1> was removed"),
            ("numerator.filters[0].my_Notes[0]", "<hr> was removed"),
            ("numerator.filters[0].my_Notes[1].comment", "<hr> was removed"),
        ]
    );
}

#[test]
fn number_of_warnings_is_bounded_and_paths_are_of_the_item() {
    let many = json!({"notes": vec!["<hr>"; 250]});
    let mut found = warnings(&many);
    assert_eq!((found.shown.len(), found.omitted), (100, 150));
    found.clean_item("metrics[3]", &mut many.clone());
    assert_eq!((found.shown.len(), found.omitted), (100, 400));
    let mut found = Warnings::default();
    found.clean_item("metrics[3]", &mut json!({"metadata": {"notes": "<hr>"}}));
    assert_eq!(found.shown[0].field, "metrics[3].metadata.notes");
    assert_eq!(warnings(&json!({"notes": "R&D < 5 <product>"})), Warnings::default());
}

#[test]
fn rich_texts_are_cleaned_in_the_pass_that_finds_warnings() {
    let mut body = json!({
        "name": "<hr>", "description": " <b>x</b><hr>", "filters": [{"notes": ["<i>y</i>", "<q"]}],
    });
    let found = Warnings::clean_body(body.as_object_mut().expect("an object"));
    assert_eq!(found.shown.len(), 1);
    let clean = json!({
        "name": "<hr>", "description": "<b>x</b>", "filters": [{"notes": ["<i>y</i>", "&lt;q"]}],
    });
    assert_eq!(body, clean);
}
