//! The pages of one's own account: who one is, the sessions, and the password.

mod password;
mod paths;
mod profile;
mod sessions;

use self::paths::{END_OTHERS, PASSWORD, PATH};
use super::PageTable;
use super::notice::DONE;
use super::page_table::Audience;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let callers = Audience::Callers;
    table
        .get(PATH, &[DONE], callers, profile::show)
        .get(PASSWORD, &[], callers, password::show)
        .post(PASSWORD, callers, password::submit)
        .post(END_OTHERS, callers, sessions::end_others)
        .post("/dashboard/account/sessions/{id}/end", callers, sessions::end)
}
