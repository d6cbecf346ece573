//! Changes of the catalogue as the database announces them: the payload of `NOTIFY`, and what a
//! transaction reads of its own changes. The trigger `raise_catalogue_epoch` writes both;
//! `cache::responses` applies them.

use std::str::FromStr;

use thiserror::Error;

/// The items that a change affects, and with it all lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedItems {
    /// Any item: there are too many to name them, or they are not known.
    All,
    /// These items, by their path below `/api/v1/`, such as `metrics/m1`. One may come twice.
    Only(Vec<String>),
}

/// A change of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueEvent {
    /// The epoch that began with the change.
    pub epoch: i64,
    /// What changed since the epoch before it.
    pub items: ChangedItems,
}

/// The text has another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed catalogue event")]
pub struct MalformedChange;

impl CatalogueEvent {
    /// An epoch of which no more is known.
    pub fn of_any_item(epoch: i64) -> Self {
        Self { epoch, items: ChangedItems::All }
    }
}

impl FromStr for CatalogueEvent {
    type Err = MalformedChange;

    /// Parses `<epoch> items <path>…`, or `<epoch> all`. Anything else after the epoch means all,
    /// because a newer version of the service may have added it.
    fn from_str(text: &str) -> Result<Self, MalformedChange> {
        let mut words = text.split(' ');
        let epoch = words.next().and_then(|word| word.parse().ok()).ok_or(MalformedChange)?;
        let items = match words.next() {
            Some("items") => ChangedItems::Only(words.map(str::to_owned).collect()),
            _ => ChangedItems::All,
        };
        Ok(Self { epoch, items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_and_unknown_words_mean_all() {
        let only = |items: &[&str]| {
            ChangedItems::Only(items.iter().map(|item| (*item).to_owned()).collect())
        };
        for (text, epoch, items) in [
            ("7", 7, ChangedItems::All),
            ("7 all", 7, ChangedItems::All),
            ("7 planets mars", 7, ChangedItems::All),
            ("8 items", 8, only(&[])),
            ("9 items metrics/a domains/b", 9, only(&["metrics/a", "domains/b"])),
        ] {
            assert_eq!(text.parse(), Ok(CatalogueEvent { epoch, items }), "{text}");
        }
        for malformed in ["", " ", "x", "all", "7x items metrics/a"] {
            assert_eq!(malformed.parse::<CatalogueEvent>(), Err(MalformedChange), "{malformed}");
        }
    }
}
