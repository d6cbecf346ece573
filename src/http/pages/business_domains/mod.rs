//! The pages of business domains: the list, one domain with its metrics, the form for a new or a
//! changed one, and deleting one.

mod conflict;
mod delete;
mod edit;
mod form;
mod list;
mod metrics;
mod one;
mod paths;
mod texts;

pub(super) use self::paths::path_of;
use self::paths::{NEW, PATH};
use super::PageTable;
use super::notice::DONE;
use super::page_table::Audience;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let callers = Audience::Callers;
    table
        .get(PATH, &["search", "page", DONE], callers, list::show)
        .get(NEW, &[], callers, edit::show_new)
        .post(NEW, callers, edit::create)
        .get("/dashboard/domains/{id}", &["page", DONE], callers, one::show)
        .get("/dashboard/domains/{id}/edit", &[], callers, edit::show)
        .post("/dashboard/domains/{id}/edit", callers, edit::submit)
        .get("/dashboard/domains/{id}/delete", &[], callers, delete::ask)
        .post("/dashboard/domains/{id}/delete", callers, delete::submit)
}
