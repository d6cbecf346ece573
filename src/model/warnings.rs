//! Warnings: what was accepted, but not stored as it was sent. A rich text loses markup that is not
//! allowed; warnings list what, field by field, and are found in the pass that cleans a body. What
//! breaks a rule is in [`super::violations`].

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::removed_markup::removed_markup;
use super::rich_text::{RichText, is_rich_key};
use super::violations::{MAX_COUNTED, MAX_PATH, MAX_SHOWN, Violation};

/// Maximum nesting of a body that is cleaned; deeper ones are refused.
const MAX_DEPTH: usize = 64;

/// One part of a text that was removed. It never contains a part of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Path of the field, e.g. `metadata.notes`.
    pub field: String,
    /// What was removed.
    pub message: String,
}

/// The first warnings about a body, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    /// At most [`MAX_SHOWN`].
    pub shown: Vec<Warning>,
    /// Number of warnings that are not in `shown`.
    pub omitted: usize,
}

impl Warnings {
    /// Sanitises the rich texts of a body, and returns what that removed.
    pub(super) fn clean_body(body: &mut Map<String, Value>) -> Self {
        let mut warnings = Self::default();
        warnings.clean_object(body, &mut String::new(), MAX_DEPTH);
        warnings
    }

    /// Sanitises the rich texts of an item at `path`, and adds what that removes.
    pub(super) fn clean_item(&mut self, path: &str, item: &mut Value) {
        self.clean(false, item, &mut path.to_owned(), MAX_DEPTH);
    }

    /// Returns the fields `warnings` and `warnings_omitted` of a response.
    pub fn into_fields(self) -> (Vec<Warning>, Option<usize>) {
        (self.shown, Some(self.omitted).filter(|omitted| *omitted > 0))
    }

    fn clean_object(&mut self, object: &mut Map<String, Value>, path: &mut String, depth: usize) {
        for (key, value) in object {
            let length = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&Violation::printable_name(key));
            self.clean(is_rich_key(key), value, path, depth);
            path.truncate(length);
        }
    }

    /// Cleans a value. Whether a text is rich is decided by its key or that of the list that it is
    /// in (`model::object` cleans by the same rule), once for all items of the list.
    fn clean(&mut self, is_rich: bool, value: &mut Value, path: &mut String, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::String(text) if is_rich && text.contains('<') => {
                let clean = RichText::new(text).into_string();
                // From a text that stays as it is nothing was removed.
                if clean != text.trim() {
                    for message in removed_markup(text) {
                        self.add(path, &message);
                    }
                    *text = clean;
                }
            }
            Value::Object(inner) => self.clean_object(inner, path, depth),
            Value::Array(items) => {
                let length = path.len();
                for (index, item) in items.iter_mut().enumerate() {
                    // Most lists contain plain texts and numbers.
                    if matches!(item, Value::Number(_) | Value::Bool(_) | Value::Null) {
                        continue;
                    }
                    let _ = write!(path, "[{index}]");
                    self.clean(is_rich, item, path, depth);
                    path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: &str, message: &str) {
        if self.shown.len() < MAX_SHOWN {
            let field = path.chars().take(MAX_PATH).collect();
            self.shown.push(Warning { field, message: message.to_owned() });
        } else if self.omitted < MAX_COUNTED {
            self.omitted = self.omitted.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
