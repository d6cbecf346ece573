//! Items of lists whose place is known, because they were the first or the last of a page that was
//! read: the pages next to it are read from there, and not from the beginning of the list
//! (`model::list_walk`). As in `cache::list_facts`, an entry is valid for its epoch only.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, EntryAction, EntryResult};

use super::responses::CatalogueEpoch;
use super::weighted;
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::list_walk::IndexedPosition;

/// Maximum weight of all lists, in bytes.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum number of items of one list.
const MAX_POSITIONS: usize = 256;
/// About what a list and an item take beside their texts, in bytes.
const OVERHEAD: usize = 160;

type Positions = BTreeMap<i64, Arc<ListPosition>>;

/// The items of one list, and when they were read.
type ListedItems = (CatalogueEpoch, Arc<Positions>);

/// Weighs a list in bytes.
#[derive(Clone)]
struct ListBytes;

impl Weighter<String, ListedItems> for ListBytes {
    fn weight(&self, list: &String, (_, positions): &ListedItems) -> u64 {
        let positions: usize = positions.values().map(|position| bytes(position)).sum();
        u64::try_from(list.len() + OVERHEAD + positions).unwrap_or(u64::MAX)
    }
}

/// The known items of lists.
pub struct PositionCache(Cache<String, ListedItems, ListBytes>);

impl std::fmt::Debug for PositionCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PositionCache").field("lists", &self.0.len()).finish()
    }
}

impl Default for PositionCache {
    fn default() -> Self {
        Self(weighted::bounded(MAX_BYTES, ListBytes))
    }
}

impl PositionCache {
    /// Returns the nearest items before and after a page of a list that were read at `epoch`.
    pub fn nearest(
        &self,
        list: &str,
        epoch: CatalogueEpoch,
        page: &Range<i64>,
    ) -> (Option<IndexedPosition>, Option<IndexedPosition>) {
        let Some((_, known)) = self.0.get(list).filter(|(read_at, _)| *read_at == epoch) else {
            return (None, None);
        };
        let indexed = |(&index, position): (&i64, &Arc<ListPosition>)| IndexedPosition {
            index,
            position: ListPosition::clone(position),
        };
        let before = known.range(..page.start).next_back().map(indexed);
        (before, known.range(page.end..).next().map(indexed))
    }

    /// Inserts items of a page that was read at `epoch` or later. They replace those of an older
    /// epoch, and never those of a newer one.
    pub fn insert(&self, list: &str, page: Vec<IndexedPosition>, epoch: CatalogueEpoch) {
        if page.is_empty() {
            return;
        }
        let place = self.0.entry(list, None, |_, (read_at, _)| {
            if *read_at > epoch { EntryAction::Retain(()) } else { EntryAction::ReplaceWithGuard }
        });
        let (place, mut positions) = match place {
            EntryResult::Replaced(place, (read_at, known)) if read_at == epoch => {
                (place, Arc::unwrap_or_clone(known))
            }
            EntryResult::Replaced(place, _) | EntryResult::Vacant(place) => {
                (place, Positions::new())
            }
            _ => return,
        };
        let new: Vec<i64> = page.iter().map(|item| item.index).collect();
        positions.extend(page.into_iter().map(|item| (item.index, Arc::new(item.position))));
        thin_out(&mut positions, &new);
        // Refused only if the entry is removed meanwhile, which nothing does.
        let _ = place.insert((epoch, Arc::new(positions)));
    }
}

fn bytes(position: &ListPosition) -> usize {
    let key = match &position.key {
        SortKey::Text(text) => text.len(),
        SortKey::Instant(_) => 0,
    };
    OVERHEAD + key + position.id.len()
}

/// Removes those items whose neighbours are closest to each other, but no new one, so that after a
/// walk through the whole list each page of it has an item near by.
fn thin_out(positions: &mut Positions, new: &[i64]) {
    while positions.len() > MAX_POSITIONS {
        let indexes: Vec<i64> = positions.keys().copied().collect();
        let between = indexes.windows(3).filter_map(|neighbours| match *neighbours {
            [before, index, after] if !new.contains(&index) => Some((after - before, index)),
            _ => None,
        });
        let Some((_, index)) = between.min() else { return };
        positions.remove(&index);
    }
}

#[cfg(test)]
mod tests;
