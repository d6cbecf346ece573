//! Changes of a stored document: top-level fields to be laid over it. A patch is judged before
//! anything waits for the database: laid over a template that breaks no rule, whatever is wrong
//! then is wrong with the patch.

use std::marker::PhantomData;

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::violations::{Violation, parse, shape};

/// A document that takes patches.
pub trait Patchable: DeserializeOwned + Serialize + Validate<Context = ()> {
    /// The field that never changes.
    const ID: &'static str;

    /// The smallest document that breaks no rule.
    fn template() -> Map<String, Value>;
}

/// Fields of a `T`, each of which satisfies its rules; no rule of a document is about two of its
/// top-level fields.
#[derive(Clone, Debug)]
pub struct Patch<T> {
    fields: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<T: Patchable> Patch<T> {
    /// Judges the fields.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn new(fields: Map<String, Value>) -> Result<Self, Vec<Violation>> {
        let mut whole = T::template();
        whole.extend(fields.clone());
        parse::<T>(Value::Object(whole))?;
        Ok(Self { fields, of: PhantomData })
    }

    /// Whether the patch leaves the identifier of the document `id` as it is.
    pub fn keeps_id(&self, id: &str) -> bool {
        self.fields.get(T::ID).and_then(Value::as_str).is_none_or(|named| named.trim() == id)
    }

    /// Lays the fields over a stored document; what is absent stays as it is, whatever the rules of
    /// today say of it.
    ///
    /// # Errors
    /// The first violation of the document's shape; none where `stored` has it.
    pub fn over(&self, stored: &T) -> Result<T, Vec<Violation>> {
        let mut whole = match serde_json::to_value(stored) {
            Ok(Value::Object(whole)) => whole,
            _ => Map::new(),
        };
        whole.extend(self.fields.clone());
        shape(Value::Object(whole))
    }
}

#[cfg(test)]
mod tests;
