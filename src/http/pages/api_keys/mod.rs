//! The pages of one's own API keys: the list, one key with what can be done with it, and the page
//! that shows a new key, once.

mod change;
mod create;
mod issued;
mod list;
mod one;
mod paths;
mod revoke;
mod state;

use self::paths::{NEW, PATH, REVOKE_ALL};
use super::PageTable;
use super::notice::DONE;
use super::page_table::Audience;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let callers = Audience::Callers;
    table
        .get(PATH, &["status", "page", DONE], callers, list::show)
        .post(PATH, callers, create::submit)
        .get(NEW, &[], callers, create::show)
        .get(REVOKE_ALL, &[], callers, revoke::ask_all)
        .post(REVOKE_ALL, callers, revoke::submit_all)
        .get("/dashboard/api-keys/{id}", &[DONE], callers, one::show)
        .post("/dashboard/api-keys/{id}/rename", callers, change::rename)
        .post("/dashboard/api-keys/{id}/extend", callers, change::extend)
        .post("/dashboard/api-keys/{id}/rotate", callers, change::rotate)
        .get("/dashboard/api-keys/{id}/revoke", &[], callers, revoke::ask)
        .post("/dashboard/api-keys/{id}/revoke", callers, revoke::submit)
}
