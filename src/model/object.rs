//! Free JSON objects: filters, `tier_focus`, a user's metadata. Free in shape, bounded all the
//! same.

use std::borrow::Cow;

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::characters::{line_flaw, lines_flaw};
use super::rich_text::{RichText, is_rich_key};
use super::violations::{Violation, note};

/// How deep a free object may be nested.
const MAX_DEPTH: usize = 16;
/// The longest text in a free object, in Unicode code points.
const MAX_TEXT: usize = 2000;
/// How many values one free object may hold in all.
const MAX_VALUES: usize = 1000;

/// A JSON object of any shape, its texts as `model::characters` has them, at most 16 deep and with
/// at most 1,000 values. Texts under a key that names rich text are cleaned like any other rich
/// text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Takes an object as it was sent, and cleans its rich texts. Judged only by `validate`.
    pub fn new(mut raw: Map<String, Value>) -> Self {
        clean_rich(&mut raw, MAX_DEPTH);
        Self(raw)
    }
}

fn clean_rich(object: &mut Map<String, Value>, depth: usize) {
    for (key, value) in object.iter_mut() {
        clean_value(is_rich_key(key), value, depth);
    }
}

/// Deeper than `depth` nothing is cleaned, because nothing that deep is stored.
fn clean_value(rich: bool, value: &mut Value, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) if rich => *text = RichText::new(text).into_string(),
        Value::Object(inner) => clean_rich(inner, depth),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(rich, item, depth)),
        _ => {}
    }
}

/// What is wrong with a value, if anything; counts values down in `left`.
fn flaw(value: &Value, depth: usize, left: &mut usize) -> Option<&'static str> {
    let Some(depth) = depth.checked_sub(1) else {
        return Some("must not be nested deeper than 16 levels");
    };
    let Some(fewer) = left.checked_sub(1) else {
        return Some("must not hold more than 1000 values");
    };
    *left = fewer;
    match value {
        Value::String(text) => text_flaw(text),
        Value::Array(items) => items.iter().find_map(|item| flaw(item, depth, left)),
        Value::Object(map) => {
            map.iter().find_map(|(key, item)| key_flaw(key).or_else(|| flaw(item, depth, left)))
        }
        _ => None,
    }
}

fn text_flaw(text: &str) -> Option<&'static str> {
    too_long(text).or_else(|| lines_flaw(text))
}

fn key_flaw(key: &str) -> Option<&'static str> {
    too_long(key).or_else(|| line_flaw(key))
}

fn too_long(text: &str) -> Option<&'static str> {
    (text.chars().count() > MAX_TEXT)
        .then_some("must not contain texts of more than 2000 characters")
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::new)
    }
}

impl Validate for Object {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        let mut left = MAX_VALUES;
        for (key, value) in &self.0 {
            if let Some(flaw) = key_flaw(key).or_else(|| flaw(value, MAX_DEPTH - 1, &mut left)) {
                note(report, &mut || parent().join(Violation::name_of(key)), flaw.into());
            }
        }
    }
}

impl PartialSchema for Object {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .build()
            .into()
    }
}

impl ToSchema for Object {
    fn name() -> Cow<'static, str> {
        "Object".into()
    }
}

#[cfg(test)]
mod tests;
