//! The pages of users, for administrators: the list, one user, and a change of role or status,
//! which is asked about first.

mod change;
mod list;
mod one;
mod paths;

use self::paths::PATH;
use super::PageTable;
use super::notice::DONE;
use super::page_table::Audience;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let callers = Audience::Callers;
    let change = "/dashboard/users/{id}/change";
    table
        .get(PATH, &["page"], callers, list::show)
        .get("/dashboard/users/{id}", &[DONE], callers, one::show)
        .get(change, &["role", "status", "keep_api_keys"], callers, change::ask)
        .post(change, callers, change::submit)
}
