//! Patches: top-level fields that replace those of a stored document (PUT), or a merge patch that
//! changes it at any depth (PATCH, `merge`). A patch is validated before the database is asked, by
//! applying it to a template that breaks no rule: every violation is then one of the patch.

use std::marker::PhantomData;

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use super::merge::merge;
use super::parse::parse;
use super::shape::Shape;
use super::violations::{Violation, deserialize, validate};

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
    /// Whether the fields are merged at any depth, or replace those of the document.
    merges: bool,
    document: PhantomData<fn() -> T>,
}

impl<T: Patchable> Patch<T> {
    /// Validates fields that replace those of a document.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn new(fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        Self { fields, merges: false, document: PhantomData }.validated()
    }

    /// Validates a merge patch (RFC 7396).
    ///
    /// # Errors
    /// As [`parse`].
    pub fn from_merge_patch(fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        Self { fields, merges: true, document: PhantomData }.validated()
    }

    fn validated(self) -> Result<Self, Vec<Violation>> {
        let mut whole = T::template();
        self.write_into(&mut whole);
        parse::<T>(Value::Object(whole))?;
        Ok(self)
    }

    fn write_into(&self, document: &mut Map<String, Value>) {
        if self.merges {
            merge(document, &self.fields, &Shape::of::<T>());
        } else {
            document.extend(self.fields.clone());
        }
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
    /// has a field that is missing or of another type; the violations of rules about an object as a
    /// whole, such as its number of values, that a merge breaks and `stored` does not.
    pub fn apply_to(&self, stored: &T) -> Result<T, Vec<Violation>> {
        let mut whole = match serde_json::to_value(stored) {
            Ok(Value::Object(whole)) => whole,
            _ => Map::new(),
        };
        self.write_into(&mut whole);
        let patched: T = deserialize(Value::Object(whole))?;
        if self.merges
            && let Err(broken) = validate(&patched)
        {
            let known = validate(stored).err().unwrap_or_default();
            let new: Vec<_> = broken.into_iter().filter(|one| !known.contains(one)).collect();
            if !new.is_empty() {
                return Err(new);
            }
        }
        let length = json_length(&patched);
        if length > MAX_ITEM_BYTES && length > json_length(stored) {
            return Err(vec![too_large()]);
        }
        Ok(patched)
    }
}

#[cfg(test)]
mod tests;
