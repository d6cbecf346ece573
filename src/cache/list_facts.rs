//! What is counted of a whole list, once for each epoch of the catalogue: to count the hits of a
//! search, or the values of its facets, takes longer than to read a page of them, and each page
//! shows the numbers.

use quick_cache::sync::{Cache, EntryAction, EntryResult};

use super::responses::CatalogueEpoch;

/// What was counted of each list. A key is at most as long as the query of a request.
pub struct ListFacts<V: Clone>(Cache<String, (CatalogueEpoch, V)>);

impl<V: Clone> std::fmt::Debug for ListFacts<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ListFacts").field("lists", &self.0.len()).finish()
    }
}

impl<V: Clone> ListFacts<V> {
    /// Makes an empty cache for at most so many lists.
    pub fn new(lists: usize) -> Self {
        Self(Cache::new(lists))
    }

    /// Returns what was counted of a list, if it was at `epoch`.
    pub fn get(&self, list: &str, epoch: CatalogueEpoch) -> Option<V> {
        self.0.get(list).filter(|(counted, _)| *counted == epoch).map(|(_, value)| value)
    }

    /// Inserts what was counted at `epoch` or later. It never replaces what is newer.
    pub fn insert(&self, list: &str, value: V, epoch: CatalogueEpoch) {
        let place = self.0.entry(list, None, |_, present| {
            if present.0 <= epoch {
                *present = (epoch, value.clone());
            }
            EntryAction::Retain(())
        });
        if let EntryResult::Vacant(place) = place {
            // Refused only if the entry is removed meanwhile, which nothing does.
            let _ = place.insert((epoch, value));
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
    fn count_is_valid_for_its_epoch_only() {
        let (epochs, totals) = (CatalogueEpochs::default(), ListFacts::new(8));
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
