//! The domains of a document that is imported in parts. No part can be tried without them, because
//! a dry run stores none.

use std::collections::HashMap;

/// Most domains with which each part is tried, so that the service reports about all of them.
const MAX_DOMAINS: usize = 5_000;

/// The domains of a document as JSON, in its order.
#[derive(Debug, Default)]
pub(super) struct KnownDomains {
    texts: Vec<String>,
    by_name: HashMap<String, usize>,
    length: usize,
}

impl KnownDomains {
    /// Adds a domain and its JSON text.
    pub(super) fn add(&mut self, name: &str, text: String) {
        self.by_name.insert(name.to_owned(), self.texts.len());
        self.length = self.length.saturating_add(text.len()).saturating_add(1);
        self.texts.push(text);
    }

    /// Returns the JSON text of the domain with this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).and_then(|index| self.texts.get(*index)).map(String::as_str)
    }

    /// Returns all texts.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Returns the length of all texts in bytes.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether a part of so many bytes has room for all of them beside its metrics.
    pub(super) fn fit(&self, limit: usize) -> bool {
        self.length <= limit / 2 && self.texts.len() <= MAX_DOMAINS
    }
}
