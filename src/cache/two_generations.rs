//! A bounded map of two generations, nearly as good as LRU although a read writes nothing. Values
//! are inserted into the young generation; when that is full it becomes the old one, and the
//! previous old one is dropped. A value that is used must be promoted to survive.

use std::collections::HashMap;
use std::hash::Hash;

/// A map that drops the values that were not inserted, updated or promoted for the longest time.
#[derive(Debug)]
pub struct TwoGenerations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Weight of the young generation.
    weight: usize,
    max_generation_weight: usize,
    weigh: fn(&V) -> usize,
}

impl<K: Hash + Eq, V> TwoGenerations<K, V> {
    /// Creates an empty map of at most `max_weight`; `weigh` returns the weight of a value.
    pub fn new(max_weight: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
            max_generation_weight: max_weight / 2,
            weigh,
        }
    }

    /// Returns a value without promoting it.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Inserts a value, or replaces the one with this key.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.weight = self.weight.saturating_add((self.weigh)(&value));
        self.young.insert(key, value);
        self.rotate_if_full();
    }

    /// Moves a value from the old to the young generation.
    pub fn promote(&mut self, key: &K) {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
    }

    /// Updates a value, which is made by `default` if it is missing, and promotes it.
    pub fn update_or_insert_with<R>(
        &mut self,
        key: K,
        default: impl FnOnce() -> V,
        update: impl FnOnce(&mut V) -> R,
    ) -> R {
        // The common case needs one lookup.
        if let Some(value) = self.young.get_mut(&key) {
            let before = (self.weigh)(value);
            let result = update(value);
            self.weight = self.weight.saturating_sub(before).saturating_add((self.weigh)(value));
            self.rotate_if_full();
            return result;
        }
        let mut value = self.old.remove(&key).unwrap_or_else(default);
        let result = update(&mut value);
        self.weight = self.weight.saturating_add((self.weigh)(&value));
        self.young.insert(key, value);
        self.rotate_if_full();
        result
    }

    fn rotate_if_full(&mut self) {
        if self.weight >= self.max_generation_weight {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }

    /// Removes a value.
    pub fn remove(&mut self, key: &K) {
        if let Some(value) = self.young.remove(key) {
            self.weight = self.weight.saturating_sub((self.weigh)(&value));
        }
        self.old.remove(key);
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether the map has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
