//! Counters of one family, addressed by a value of its label. They are resolved once, so that
//! counting in a request needs no lookup by text. [`raise_to`] is for totals that are kept
//! elsewhere.

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
}

/// Raises a counter to a total that is kept elsewhere.
pub(super) fn raise_to(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
