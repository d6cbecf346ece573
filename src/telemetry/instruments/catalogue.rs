//! Metrics of the catalogue and its users: how it grows, and how many users are active.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus::{IntCounterVec, IntGauge, Registry};

use super::families::{ACTIVE_USERS, METRICS_CREATED};

/// How many categories have series of their own.
pub const CATEGORIES: usize = 50;
const OTHER: &str = "other";

/// Instruments of the catalogue and its users.
#[derive(Clone, Debug)]
pub struct CatalogueInstruments {
    created: IntCounterVec,
    categories: Arc<RwLock<HashSet<String>>>,
    active_users: IntGauge,
}

impl CatalogueInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            created: METRICS_CREATED.counters(registry)?,
            categories: Arc::default(),
            active_users: ACTIVE_USERS.gauge(registry)?,
        })
    }

    /// Creates the series of existing categories, which are given most frequent first.
    pub fn register_categories(&self, categories: &[String], tiers: &[&str]) {
        for category in categories {
            let category = self.label(category);
            for tier in tiers {
                self.created.with_label_values(&[*tier, &category]);
            }
        }
    }

    /// Counts a new metric of the catalogue.
    pub fn count_created_metric(&self, tier: &str, category: &str) {
        self.created.with_label_values(&[tier, &self.label(category)]).inc();
    }

    /// Sets how many users have a session.
    pub fn set_active_users(&self, count: i64) {
        self.active_users.set(count);
    }

    /// Returns the label of a category. Users choose categories, so only the first [`CATEGORIES`]
    /// have labels of their own.
    fn label(&self, category: &str) -> String {
        if self.categories.read().unwrap_or_else(PoisonError::into_inner).contains(category) {
            return category.to_owned();
        }
        let mut known = self.categories.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < CATEGORIES {
            known.insert(category.to_owned());
        }
        if known.contains(category) { category.to_owned() } else { OTHER.to_owned() }
    }
}

#[cfg(test)]
mod tests;
