//! The page about the health of the service, for administrators: circuits with their controls, the
//! connection pool, and what the last quarter of an hour brought. With scripts, one stream of
//! server-sent events keeps it current.

mod charts;
mod circuits;
mod control;
mod figures;
mod lasting;
mod live;
mod page;
mod paths;
mod sinks;
mod stream;

use self::paths::{CONTROL, LIVE, PAGE};
use super::PageTable;
use super::notice::DONE;
use super::page_table::Audience;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let callers = Audience::Callers;
    table.get(PAGE, &[DONE], callers, page::show).get(LIVE, &[], callers, stream::open).post(
        CONTROL,
        callers,
        control::submit,
    )
}
