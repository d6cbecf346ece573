//! Which fields of an item a client asks for: `fields=name,definition.unit`. Fields are those of
//! the type's schema, at the top level or one level below; the id is always among them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::page::{PageRequest, ParameterError};
use super::patch::Patchable;
use super::shape::Shape;
use super::violations::Violation;

/// The fields that a response contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSelection {
    /// Top-level fields; with the fields of them that are selected, or none for all.
    wanted: BTreeMap<String, BTreeSet<String>>,
}

/// Returns the fields of a type that can be selected, each followed by those in it.
pub fn selectable<T: Patchable>() -> Vec<String> {
    let shape = Shape::of::<T>();
    let mut names = Vec::new();
    for field in shape.fields() {
        names.push(field.name.clone());
        let inner = field.shape.fields().iter();
        names.extend(inner.map(|inner| format!("{}.{}", field.name, inner.name)));
    }
    names
}

impl FieldSelection {
    /// Parses the parameters of a single item, of which `fields` is the only one.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse<T: Patchable>(
        parameters: &[(String, String)],
    ) -> Result<Option<Self>, Vec<Violation>> {
        let mut selection = None;
        PageRequest::parse_with(parameters, |name, value| match name {
            "fields" => {
                selection = Some(Self::from_list::<T>(value)?);
                Ok(())
            }
            _ => Err("is not a known parameter".into()),
        })?;
        Ok(selection)
    }

    /// Parses a comma-separated list of fields.
    pub(in crate::model) fn from_list<T: Patchable>(list: &str) -> Result<Self, ParameterError> {
        let known = selectable::<T>();
        let mut wanted = BTreeMap::from([(T::ID.to_owned(), BTreeSet::new())]);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for name in list.split(',').map(str::trim) {
            if !known.iter().any(|known| known == name) {
                return Err(unknown(name, &known));
            }
            match name.split_once('.') {
                None => whole.push((name.to_owned(), BTreeSet::new())),
                Some(part) => parts.push(part),
            }
        }
        for (outer, inner) in parts {
            wanted.entry(outer.to_owned()).or_default().insert(inner.to_owned());
        }
        // A whole field replaces its parts.
        wanted.extend(whole);
        Ok(Self { wanted })
    }

    /// Whether the response contains this top-level field, or a part of it.
    pub fn includes(&self, field: &str) -> bool {
        self.wanted.contains_key(field)
    }

    /// Whether the response contains this field of a top-level field.
    pub fn includes_part(&self, field: &str, part: &str) -> bool {
        self.wanted.get(field).is_some_and(|parts| parts.is_empty() || parts.contains(part))
    }

    /// Returns the selected fields of an item.
    #[must_use]
    pub fn select(&self, item: Value) -> Value {
        let Value::Object(fields) = item else { return item };
        let selected = fields.into_iter().filter_map(|(name, value)| {
            let parts = self.wanted.get(&name)?;
            match value {
                Value::Object(inner) if !parts.is_empty() => {
                    let inner = inner.into_iter().filter(|(name, _)| parts.contains(name));
                    Some((name, Value::Object(inner.collect())))
                }
                value => Some((name, value)),
            }
        });
        Value::Object(selected.collect())
    }

    /// Returns a short text that differs between selections, for entity tags.
    pub fn tag(&self) -> String {
        format!("{:08x}", crc32fast::hash(format!("{:?}", self.wanted).as_bytes()))
    }
}

/// Says which fields there are: those in the object that the name begins with, or all.
fn unknown(name: &str, known: &[String]) -> ParameterError {
    let outer = name.split_once('.').map(|(outer, _)| format!("{outer}."));
    let inner: Vec<&str> = known
        .iter()
        .filter(|known| outer.as_ref().is_some_and(|outer| known.starts_with(outer)))
        .map(String::as_str)
        .collect();
    if inner.is_empty() {
        let top: Vec<&str> =
            known.iter().filter(|name| !name.contains('.')).map(String::as_str).collect();
        format!("must be a comma-separated list of the fields {}", top.join(", ")).into()
    } else {
        format!("may select these fields one level down: {}", inner.join(", ")).into()
    }
}

#[cfg(test)]
mod tests;
