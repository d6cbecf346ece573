//! How commands name an item of the catalogue, or one of its versions: `ID`, `ID@VERSION`.

use std::fmt;
use std::str::FromStr;

use super::query::{VERSION_RULE, is_version};

/// Maximum length of an id.
const MAX_ID: usize = 100;

/// An item, or one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemName {
    /// `metric_id` or `domain_id`.
    pub id: String,
    pub version: Option<String>,
}

/// Why a text names no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemNameError {
    #[error("an id is 1 to 100 letters, digits, - and _")]
    Id,
    #[error("what follows @ {VERSION_RULE} (`mdl log ID`), e.g. 1.2.0 of a metric, 3 of a domain")]
    Version,
}

impl FromStr for ItemName {
    type Err = ItemNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, version) = match text.split_once('@') {
            Some((id, version)) => (id, Some(version)),
            None => (text, None),
        };
        let is_id_character = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(is_id_character) {
            return Err(ItemNameError::Id);
        }
        if version.is_some_and(|version| !is_version(version)) {
            return Err(ItemNameError::Version);
        }
        Ok(Self { id: id.to_owned(), version: version.map(str::to_owned) })
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(out, "{}@{version}", self.id),
            None => out.write_str(&self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids_with_or_without_a_version() {
        for text in ["churn_rate", "churn_rate@1.2.0", "d-1@3"] {
            assert_eq!(text.parse::<ItemName>().unwrap().to_string(), text);
        }
        assert_eq!("m@1.0.0".parse::<ItemName>().unwrap().version.as_deref(), Some("1.0.0"));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "@1.0.0", "a b", "a/b", "é", &"x".repeat(101)] {
            assert_eq!(bad.parse::<ItemName>(), Err(ItemNameError::Id), "{bad}");
        }
        for bad in ["a@", "a@latest", "a@1.0.0@2", "a@1 "] {
            assert_eq!(bad.parse::<ItemName>(), Err(ItemNameError::Version), "{bad}");
        }
    }
}
