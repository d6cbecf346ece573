//! How a page of a list is reached: from the beginning or the end of the list, or from an item
//! whose place in it is known because it was on a page that was read before, in the direction that
//! passes over the fewest items. `cache::positions` keeps such items, `storage::metrics` walks.

use super::cursor::ListPosition;
use super::page::PageRequest;

/// An item of a list, with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedPosition {
    /// Number of items before it.
    pub index: i64,
    pub position: ListPosition,
}

/// What is known of a list before one of its pages is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownList {
    /// Number of items.
    pub total: Option<i64>,
    /// The last known item before the page.
    pub before: Option<IndexedPosition>,
    /// The first known item after the page.
    pub after: Option<IndexedPosition>,
}

/// A walk through a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListWalk {
    /// It starts next to this item; None for the beginning of the list, or its end if `backwards`.
    pub from: Option<ListPosition>,
    pub backwards: bool,
    /// Number of items to pass over.
    pub skip: i64,
    /// Number of items to read after those, at least 1.
    pub count: i64,
}

impl ListWalk {
    /// Plans the walk to a page of a list of `total` items; None if there is nothing on the page.
    pub fn to_page(page: PageRequest, total: i64, known: &KnownList) -> Option<Self> {
        let start = page.offset();
        let count = page.limit.min(total.saturating_sub(start));
        if count <= 0 {
            return None;
        }
        let end = start.saturating_add(count);
        let before = known.before.as_ref().filter(|item| (0..start).contains(&item.index));
        let after = known.after.as_ref().filter(|item| (end..total).contains(&item.index));
        let passed_before = before.map_or(start, |item| start - item.index - 1);
        let passed_after = after.map_or(total, |item| item.index) - end;
        let backwards = passed_after < passed_before;
        let (from, skip) = if backwards { (after, passed_after) } else { (before, passed_before) };
        Some(Self { from: from.map(|item| item.position.clone()), backwards, skip, count })
    }
}

/// Returns those items of a page from which other pages can be reached: the first one, if there is
/// a page before, and the last one, if there is a page after it. None if the page does not have as
/// many items as the total says: then the list has changed meanwhile.
pub fn ends_of_page(page: PageRequest, total: i64, items: &[ListPosition]) -> Vec<IndexedPosition> {
    let at = |index, position: &ListPosition| IndexedPosition { index, position: position.clone() };
    let start = page.offset();
    let count = page.limit.min(total.saturating_sub(start));
    if i64::try_from(items.len()) != Ok(count) {
        return Vec::new();
    }
    let end = start.saturating_add(count);
    let first = items.first().filter(|_| start > 0).map(|first| at(start, first));
    let last = items.last().filter(|_| end < total).map(|last| at(end - 1, last));
    first.into_iter().chain(last).collect()
}

#[cfg(test)]
mod tests;
