//! How many items a filtered list has, counted once for each epoch of the catalogue: to count the
//! hits of a search takes longer than to read a page of them, and each page shows the number.

use moka::sync::Cache;

use super::responses::CatalogueEpoch;

/// Maximum number of lists. A key is at most as long as the query of a request.
const MAX_LISTS: u64 = 1024;

/// The totals of lists.
#[derive(Debug)]
pub struct TotalCache(Cache<String, (CatalogueEpoch, i64)>);

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
        self.0.entry_by_ref(list).and_upsert_with(|present| match present {
            Some(present) if present.value().0 > epoch => present.into_value(),
            _ => (epoch, total),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cache::responses::ResponseCache;

    #[test]
    fn total_is_valid_for_its_epoch_only() {
        let (responses, totals) = (ResponseCache::default(), TotalCache::default());
        let first = responses.epoch();
        totals.insert("a", 7, first);
        assert_eq!((totals.get("a", first), totals.get("b", first)), (Some(7), None));
        responses.apply_notified_epoch(5, Instant::now());
        let second = responses.epoch();
        assert_eq!(totals.get("a", second), None);
        totals.insert("a", 8, second);
        // A slow count of the first epoch comes too late.
        totals.insert("a", 7, first);
        assert_eq!(totals.get("a", second), Some(8));
        responses.start_incarnation();
        assert_eq!(totals.get("a", responses.epoch()), None);
    }
}
