//! Patches: top-level fields that replace those of a stored document. A patch is validated before
//! the database is asked, by applying it to a template that breaks no rule: every violation is then
//! one of the patch.

use std::marker::PhantomData;

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use super::parse::parse;
use super::violations::{Violation, deserialize};

/// A document that can be patched.
pub trait Patchable:
    DeserializeOwned + Serialize + Validate<Context = ()> + ToSchema + 'static
{
    /// The field that never changes.
    const ID: &'static str;

    /// Returns the smallest document that breaks no rule.
    fn template() -> Map<String, Value>;
}

/// Fields of a `T`, each of which satisfies its rules. No rule of a document is about two of its
/// top-level fields.
#[derive(Clone, Debug)]
pub struct Patch<T> {
    fields: Map<String, Value>,
    document: PhantomData<fn() -> T>,
}

impl<T: Patchable> Patch<T> {
    /// Validates the fields.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn new(fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        let mut whole = T::template();
        whole.extend(fields.clone());
        parse::<T>(Value::Object(whole))?;
        Ok(Self { fields, document: PhantomData })
    }

    /// Whether the patch does not change the identifier of the document `id`.
    pub fn keeps_id(&self, id: &str) -> bool {
        self.fields.get(T::ID).and_then(Value::as_str).is_none_or(|named| named.trim() == id)
    }

    /// Applies the patch to a stored document. Fields that it does not have stay as they are, even
    /// if they break a rule that was added later.
    ///
    /// # Errors
    /// A violation if the result is larger than 256 KiB and larger than `stored`, or if `stored`
    /// has a field that is missing or of another type.
    pub fn apply_to(&self, stored: &T) -> Result<T, Vec<Violation>> {
        let mut whole = match serde_json::to_value(stored) {
            Ok(Value::Object(whole)) => whole,
            _ => Map::new(),
        };
        whole.extend(self.fields.clone());
        let patched: T = deserialize(Value::Object(whole))?;
        let length = json_length(&patched);
        if length > MAX_ITEM_BYTES && length > json_length(stored) {
            return Err(vec![too_large()]);
        }
        Ok(patched)
    }
}

#[cfg(test)]
mod tests;
