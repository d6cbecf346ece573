//! What Prometheus reads of the business: how the catalogue grows, how many use it.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus::{IntCounterVec, IntGauge, Registry};

use super::families::{ACTIVE_USERS, METRICS_CREATED};

/// How many categories have series of their own.
pub const CATEGORIES: usize = 50;
const OTHER: &str = "other";

/// The instruments of the business.
#[derive(Clone, Debug)]
pub struct CatalogueInstruments {
    created: IntCounterVec,
    categories: Arc<RwLock<HashSet<String>>>,
    active_users: IntGauge,
}

impl CatalogueInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            created: METRICS_CREATED.counters(registry)?,
            categories: Arc::default(),
            active_users: ACTIVE_USERS.gauges(registry)?.with_label_values::<&str>(&[]),
        })
    }

    /// These categories are there, the commonest first.
    pub fn known(&self, categories: &[String], tiers: &[&str]) {
        for category in categories {
            let category = self.admitted(category);
            for tier in tiers {
                self.created.with_label_values(&[*tier, &category]);
            }
        }
    }

    /// A metric was added.
    pub fn metric_created(&self, tier: &str, category: &str) {
        self.created.with_label_values(&[tier, &self.admitted(category)]).inc();
    }

    /// So many users have a live session.
    pub fn active_users(&self, count: i64) {
        self.active_users.set(count);
    }

    /// The category, if it has series of its own or there is still room for them. It is anybody's
    /// text, so it is bounded.
    fn admitted(&self, category: &str) -> String {
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
