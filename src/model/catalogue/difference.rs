//! What a comparison of the catalogue with a document finds. The names are those of what would have
//! to happen to the database: an import creates and changes items; it does not delete missing ones.

use serde::Serialize;
use strum::AsRefStr;

use crate::model::changes::ItemKind;
use crate::model::versions::diff::ValueChange;

/// How an item of a document differs from what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DifferenceKind {
    /// Both are equal.
    Unchanged,
    /// Only the document has it.
    Created,
    /// Both have it, with other values.
    Changed,
    /// Only the database has it.
    Missing,
}

/// An item that was compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemDifference {
    pub difference: DifferenceKind,
    pub kind: ItemKind,
    pub id: String,
    /// The fields that differ: `old` is stored, `new` is in the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ValueChange>,
}

impl ItemDifference {
    /// Creates a difference without fields.
    pub fn new(difference: DifferenceKind, kind: ItemKind, id: &str) -> Self {
        Self { difference, kind, id: id.to_owned(), changes: Vec::new() }
    }

    /// Creates the difference of an item that both have; it may have none.
    pub fn changed(kind: ItemKind, id: &str, changes: Vec<ValueChange>) -> Self {
        let is_equal = changes.is_empty();
        let difference = if is_equal { DifferenceKind::Unchanged } else { DifferenceKind::Changed };
        Self { changes, ..Self::new(difference, kind, id) }
    }
}

/// The number of items by difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DifferenceCounts {
    pub unchanged: usize,
    pub created: usize,
    pub changed: usize,
    pub missing: usize,
}

impl DifferenceCounts {
    /// Counts one more item.
    pub fn add(&mut self, difference: DifferenceKind) {
        let count = match difference {
            DifferenceKind::Unchanged => &mut self.unchanged,
            DifferenceKind::Created => &mut self.created,
            DifferenceKind::Changed => &mut self.changed,
            DifferenceKind::Missing => &mut self.missing,
        };
        *count = count.saturating_add(1);
    }

    /// Returns the number of items that differ.
    pub fn differences(self) -> usize {
        self.created.saturating_add(self.changed).saturating_add(self.missing)
    }
}
