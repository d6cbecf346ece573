//! Counters of one family, addressed by a value of its label. They are resolved once, so that
//! counting in a request needs no lookup by text. [`raise_to`] is for totals that are kept
//! elsewhere.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec};
use strum::IntoEnumIterator;

/// One counter for each variant of a label.
#[derive(Clone, Debug)]
pub(super) struct LabelledCounters<L>(Vec<(L, IntCounter)>);

impl<L: AsRef<str> + Copy + IntoEnumIterator + PartialEq> LabelledCounters<L> {
    /// Resolves the counters of a family with this one label.
    pub(super) fn new(family: &IntCounterVec) -> Self {
        Self(L::iter().map(|label| (label, family.with_label_values(&[label.as_ref()]))).collect())
    }
}

impl<L: PartialEq> LabelledCounters<L> {
    /// Resolves these counters.
    pub(super) fn from_pairs(pairs: impl IntoIterator<Item = (L, IntCounter)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// Adds one to the counter of this label value.
    pub(super) fn increment(&self, label: L) {
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == label) {
            counter.inc();
        }
    }

    /// Returns the counters with their label values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&L, u64)> {
        self.0.iter().map(|(label, counter)| (label, counter.get()))
    }
}

/// Returns the sum of all counters of a family.
pub(super) fn sum(family: &IntCounterVec) -> u64 {
    let families = family.collect();
    let counters = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric);
    // Counters of whole numbers: the exposition has floating-point numbers only.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    counters.map(|metric| metric.get_counter().get_value() as u64).sum()
}

/// Raises a counter to a total that is kept elsewhere.
pub(super) fn raise_to(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
