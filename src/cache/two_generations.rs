//! A bounded map in two halves: what is new or was asked for goes into the young one; when that is
//! full it becomes the old one, and what nobody asked for since the last time is forgotten. As good
//! as LRU here, and a read writes nothing.

use std::collections::HashMap;
use std::hash::Hash;

/// The map.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// The weight of the young half.
    weight: usize,
    half: usize,
    weigh: fn(&V) -> usize,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    /// An empty one of at most this weight; `weigh` says what a value weighs.
    pub fn new(most: usize, weigh: fn(&V) -> usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, half: most / 2, weigh }
    }

    /// Looks without touching.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Whether a value would be forgotten soon if nobody renewed it.
    pub fn is_old(&self, key: &K) -> bool {
        !self.young.contains_key(key) && self.old.contains_key(key)
    }

    /// Puts a value in the place of another.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.weight = self.weight.saturating_add((self.weigh)(&value));
        self.young.insert(key, value);
        self.turn();
    }

    /// Keeps a value from being forgotten.
    pub fn renew(&mut self, key: &K) {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
    }

    /// Changes a value, which is made if it is not there.
    pub fn change<R>(
        &mut self,
        key: K,
        make: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> R {
        // Most of the time it is there.
        if let Some(value) = self.young.get_mut(&key) {
            let before = (self.weigh)(value);
            let result = change(value);
            self.weight = self.weight.saturating_sub(before).saturating_add((self.weigh)(value));
            self.turn();
            return result;
        }
        let mut value = self.old.remove(&key).unwrap_or_else(make);
        let result = change(&mut value);
        self.weight = self.weight.saturating_add((self.weigh)(&value));
        self.young.insert(key, value);
        self.turn();
        result
    }

    fn turn(&mut self) {
        if self.weight >= self.half {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }

    /// Forgets a value.
    pub fn remove(&mut self, key: &K) {
        if let Some(value) = self.young.remove(key) {
            self.weight = self.weight.saturating_sub((self.weigh)(&value));
        }
        self.old.remove(key);
    }

    /// Forgets what is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.young.retain(|_, value| keep(value));
        self.old.retain(|_, value| keep(value));
        self.weight = self.young.values().map(self.weigh).sum();
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
