//! A cache that is bounded in bytes, for entries of very different sizes.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// Number of parts with a lock each, and a share of the bytes each. No part holds a larger entry.
const PARTS: usize = 4;
/// The library makes a part for so many expected entries at least.
const ENTRIES_OF_PART: usize = 32;
/// Share of the bytes that is kept for entries that are used again. The other half is for new ones:
/// with the default, 97 %, a large new entry would be the first to leave.
const HOT: f64 = 0.5;

/// Makes a cache of at most so many bytes.
pub(super) fn bounded<K, V, W>(bytes: u64, weighter: W) -> Cache<K, V, W>
where
    K: Eq + std::hash::Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let entries = PARTS * ENTRIES_OF_PART;
    let options = OptionsBuilder::new()
        .estimated_items_capacity(entries)
        .weight_capacity(bytes)
        .hot_allocation(HOT)
        .build();
    match options {
        Ok(options) => Cache::with_options(
            options,
            weighter,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        // Only if one of the numbers were missing.
        Err(_) => Cache::with_weighter(entries, bytes, weighter),
    }
}
