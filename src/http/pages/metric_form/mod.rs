//! The form of a metric: create, duplicate, edit, and what to do when another person was faster.
//! `fields` lists its inputs, `texts` turns a metric into what they show and back, `render` shows
//! them with the errors of the model, `conflict` merges by field.

mod conflict;
mod create;
mod delete;
mod dependents;
mod deprecate;
mod domains;
mod edit;
mod fields;
mod planned;
mod render;
pub(super) mod seen;
mod texts;

pub(super) use self::create::PATH as NEW;

use super::PageTable;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let table = create::add_to(table);
    let table = edit::add_to(table);
    let table = deprecate::add_to(table);
    delete::add_to(table)
}
