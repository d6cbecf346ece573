//! How many items a filtered list has, counted once for each epoch of the catalogue: to count the
//! hits of a search takes longer than to read a page of them, and each page shows the number.

use quick_cache::sync::{Cache, EntryAction, EntryResult};

use super::responses::CatalogueEpoch;

/// Maximum number of lists. A key is at most as long as the query of a request.
const MAX_LISTS: usize = 1024;

/// The totals of lists.
pub struct TotalCache(Cache<String, (CatalogueEpoch, i64)>);

impl std::fmt::Debug for TotalCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TotalCache").field("lists", &self.0.len()).finish()
    }
}

impl Default for TotalCache {
    fn default() -> Self {
        Self(Cache::new(MAX_LISTS))
    }
}

impl TotalCache {
    /// Returns the total of a list, if it was counted at `epoch`.
    pub fn get(&self, list: &str, epoch: CatalogueEpoch) -> Option<i64> {
        self.0.get(list).filter(|(counted, _)| *counted == epoch).map(|(_, total)| total)
    }

    /// Inserts a total that was counted at `epoch` or later. It never replaces a newer one.
    pub fn insert(&self, list: &str, total: i64, epoch: CatalogueEpoch) {
        let place = self.0.entry(list, None, |_, present| {
            if present.0 <= epoch {
                *present = (epoch, total);
            }
            EntryAction::Retain(())
        });
        if let EntryResult::Vacant(place) = place {
            // Refused only if the entry is removed meanwhile, which nothing does.
            let _ = place.insert((epoch, total));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cache::responses::CatalogueEpochs;
    use crate::model::catalogue_event::CatalogueEvent;

    #[test]
    fn total_is_valid_for_its_epoch_only() {
        let (epochs, totals) = (CatalogueEpochs::default(), TotalCache::default());
        let first = epochs.current();
        totals.insert("a", 7, first);
        assert_eq!((totals.get("a", first), totals.get("b", first)), (Some(7), None));
        epochs.apply_notified(&CatalogueEvent::of_any_item(5), Instant::now());
        let second = epochs.current();
        assert_eq!(totals.get("a", second), None);
        totals.insert("a", 8, second);
        // A slow count of the first epoch comes too late.
        totals.insert("a", 7, first);
        assert_eq!(totals.get("a", second), Some(8));
        epochs.start_incarnation();
        assert_eq!(totals.get("a", epochs.current()), None);
    }
}
