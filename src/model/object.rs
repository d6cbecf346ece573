//! JSON objects without a schema of their own: filters, `tier_focus`, the metadata of users. Depth,
//! number of values and length of texts are bounded; rich texts in them are cleaned, and numbers
//! brought into their canonical form.

use std::borrow::Cow;

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::characters::{multi_line_violation, single_line_violation};
use super::number::canonical;
use super::rich_text::{RichText, is_rich_key};
use super::violations::{Violation, report_violation};

/// Maximum depth of nesting.
const MAX_DEPTH: usize = 16;
/// Maximum length of a text or key, in code points.
const MAX_TEXT: usize = 2000;
/// Maximum number of values at all levels together.
const MAX_VALUES: usize = 1000;

/// A JSON object of any shape, nested at most 16 levels deep and with at most 1,000 values. Texts
/// under the keys of [`is_rich_key`] are cleaned like other rich texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Creates an object, with clean rich texts and canonical numbers. Its rules are checked by
    /// `validate`.
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

/// Cleans the rich texts and numbers of a value. Deeper levels than `depth` are left alone:
/// `validate` refuses such objects.
fn clean_value(rich: bool, value: &mut Value, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) if rich => *text = RichText::from_input(text).into_string(),
        Value::Number(number) => *number = canonical(number.clone()),
        Value::Object(inner) => clean_rich(inner, depth),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(rich, item, depth)),
        _ => {}
    }
}

/// Returns the message about the first rule that a value breaks; `left` is the number of values
/// that are still allowed.
fn value_violation(value: &Value, depth: usize, left: &mut usize) -> Option<&'static str> {
    let Some(depth) = depth.checked_sub(1) else {
        return Some("must not be nested deeper than 16 levels");
    };
    let Some(fewer) = left.checked_sub(1) else {
        return Some("must not hold more than 1000 values");
    };
    *left = fewer;
    match value {
        Value::String(text) => too_long(text).or_else(|| multi_line_violation(text)),
        Value::Array(items) => items.iter().find_map(|item| value_violation(item, depth, left)),
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            key_violation(key).or_else(|| value_violation(item, depth, left))
        }),
        _ => None,
    }
}

fn key_violation(key: &str) -> Option<&'static str> {
    too_long(key).or_else(|| single_line_violation(key))
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
            let message =
                key_violation(key).or_else(|| value_violation(value, MAX_DEPTH - 1, &mut left));
            if let Some(message) = message {
                let path = &mut || parent().join(Violation::printable_name(key));
                report_violation(report, path, message.into());
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
