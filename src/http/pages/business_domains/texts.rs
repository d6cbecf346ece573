//! A business domain as the texts of its form: read from a stored content or from what was typed,
//! compared field by field, and turned into the body that a client of the API would send.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::http::extract::form_body::FormFields;

/// A field of the form: its name, its label, and where its value is in the domain (RFC 6901).
pub(super) type DomainField = (&'static str, &'static str, &'static str);

pub(super) const FIELDS: [DomainField; 9] = [
    ("name", "Name", "/name"),
    ("description", "Description", "/description"),
    ("owner_team", "Owner team", "/owner_team"),
    ("contact_email", "Email address for questions", "/contact_email"),
    ("tier_1", "What Tier-1 means here", "/tier_focus/Tier-1"),
    ("tier_2", "What Tier-2 means here", "/tier_focus/Tier-2"),
    ("tier_3", "What Tier-3 means here", "/tier_focus/Tier-3"),
    ("key_areas", "Main subjects, one in each line", "/key_areas"),
    ("color", "Colour in charts", "/color"),
];

/// The values of all fields, as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DomainTexts(BTreeMap<&'static str, String>);

impl DomainTexts {
    /// Takes what was typed.
    pub(super) fn from_form(typed: &FormFields) -> Self {
        let text = |(name, ..): DomainField| (name, typed.text(name).trim().to_owned());
        Self(FIELDS.into_iter().map(text).collect())
    }

    /// Takes the content of a version.
    pub(super) fn from_content(content: &Value) -> Self {
        let text = |(name, _, pointer): DomainField| {
            (name, content.pointer(pointer).map(shown).unwrap_or_default())
        };
        Self(FIELDS.into_iter().map(text).collect())
    }

    /// Returns the text of a field; empty if the domain has no value there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns the fields that differ from another state.
    pub(super) fn changed_since(&self, base: &Self) -> Vec<DomainField> {
        FIELDS.into_iter().filter(|(name, ..)| self.text(name) != base.text(name)).collect()
    }

    /// Takes the changes of two writers together; where both have changed a field, this one's.
    #[must_use]
    pub(super) fn merged_with(&self, theirs: &Self, base: &Self) -> Self {
        let mut merged = theirs.clone();
        for (name, ..) in self.changed_since(base) {
            merged.0.insert(name, self.text(name).to_owned());
        }
        merged
    }

    /// Returns a merge patch (RFC 7396) of these fields.
    pub(super) fn to_patch(&self, fields: &[DomainField]) -> Map<String, Value> {
        let mut patch = Map::new();
        for (name, _, pointer) in fields {
            let value = self.value(name);
            match pointer.strip_prefix("/tier_focus/") {
                Some(tier) => {
                    let object = patch.entry("tier_focus").or_insert_with(|| json!({}));
                    if let Some(object) = object.as_object_mut() {
                        object.insert(tier.to_owned(), value);
                    }
                }
                None => {
                    patch.insert((*name).to_owned(), value);
                }
            }
        }
        patch
    }

    /// Returns the body that creates a domain: its id, its name, and the fields that have a value.
    pub(super) fn to_creation(&self, id: &str) -> Map<String, Value> {
        let is_sent = |(name, ..): &DomainField| *name == "name" || !self.text(name).is_empty();
        let sent: Vec<_> = FIELDS.into_iter().filter(is_sent).collect();
        let mut body = self.to_patch(&sent);
        body.insert("domain_id".to_owned(), id.into());
        body
    }

    /// An empty text removes the value; of the name it is refused by its rule.
    fn value(&self, name: &str) -> Value {
        let text = self.text(name);
        match name {
            "key_areas" => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.collect::<Vec<_>>().into()
            }
            "name" => text.into(),
            _ if text.is_empty() => Value::Null,
            _ => text.into(),
        }
    }
}

/// Lists have one item in each line.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
