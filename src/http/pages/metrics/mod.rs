//! The pages of one metric: what it means (`definition`), its versions and what differs between two
//! (`versions`), what it derives from and what derives from it (`impact`), what was done to it
//! (`activity`).

mod activity;
mod changes;
mod compare;
mod definition;
mod fields;
mod frame;
mod impact;
mod loaded;
mod restore;
mod source;
mod values;
mod version;
mod version_list;
mod versions;

pub(super) use self::changes::whole as whole_value;
pub(super) use self::frame::path_of;
pub(super) use self::loaded::LoadedMetric;
pub(super) use self::values::{at, text_at};
use super::PageTable;

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let table = source::add_to(definition::add_to(table));
    let table = version::add_to(versions::add_to(table));
    let table = restore::add_to(compare::add_to(table));
    activity::add_to(impact::add_to(table))
}
