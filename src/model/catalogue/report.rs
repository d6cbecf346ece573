//! The report of an import: what was done with each item, and the totals. `tally` makes it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::violations::Violation;

/// The result of importing one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemReport {
    /// The position in the document, e.g. `metrics[3]`.
    pub path: String,
    /// The identifier, if the item has one.
    pub id: Option<String>,
    /// What was done or, in a dry run, would be done.
    pub outcome: ItemOutcome,
    /// Violations, with paths from the root of the document; empty unless the outcome is `error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<Violation>,
    /// Number of further errors; absent if none. At most 1,000 errors of a document are described.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors_omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ItemReport {
    /// Returns the approximate length as JSON, in bytes.
    pub(super) fn json_length(&self) -> usize {
        let errors = self.errors.iter().map(|error| error.field.len() + error.message.len() + 32);
        100 + self.path.len() + self.id.as_ref().map_or(0, String::len) + errors.sum::<usize>()
    }
}

/// What an import does with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ImportOutcome)]
pub enum ItemOutcome {
    Created,
    Updated,
    /// The stored item is the same.
    Unchanged,
    /// The item breaks a rule.
    Error,
}

/// What an import did or, in a dry run, would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether the import was only tried, without writing anything.
    pub dry_run: bool,
    /// Number of items by outcome.
    pub counts: ImportCounts,
    /// The items in the order of the document, domains first. Of a large document as many as fit
    /// into a report of 1 MiB, of which items with errors may take half.
    pub items: Vec<ItemReport>,
    /// Number of omitted items; absent if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub items_omitted: usize,
}

/// The number of items by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportCounts)]
pub struct ImportCounts {
    pub created: usize,
    pub updated: usize,
    /// Items that are stored as they are.
    pub unchanged: usize,
    /// Items that break a rule.
    pub errors: usize,
}

impl ImportCounts {
    /// Counts one more item.
    pub fn add(&mut self, outcome: ItemOutcome) {
        let count = self.count(outcome);
        *count = count.saturating_add(1);
    }

    /// Takes back an item that was counted.
    pub fn remove(&mut self, outcome: ItemOutcome) {
        let count = self.count(outcome);
        *count = count.saturating_sub(1);
    }

    fn count(&mut self, outcome: ItemOutcome) -> &mut usize {
        match outcome {
            ItemOutcome::Created => &mut self.created,
            ItemOutcome::Updated => &mut self.updated,
            ItemOutcome::Unchanged => &mut self.unchanged,
            ItemOutcome::Error => &mut self.errors,
        }
    }
}
