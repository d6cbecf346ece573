//! The rules of one circuit: a pure struct that is told what happens and when. For now every circuit stays closed;
//! the protocol (a permit with the circuit's generation, settled once) is the one that opening it needs.

use super::verdict::Verdict;

/// Counts of what became of calls since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stats {
    pub(super) fires: u64,
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) neutral: u64,
}

/// One circuit.
#[derive(Debug, Default)]
pub(super) struct Rules {
    generation: u64,
    in_flight: u64,
    stats: Stats,
}

impl Rules {
    /// Lets a call through; the generation goes with its permit.
    pub(super) fn checkout(&mut self) -> u64 {
        self.stats.fires = self.stats.fires.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(1);
        self.generation
    }

    /// Hears what became of a call. A verdict of an older generation frees its place and says nothing more.
    pub(super) fn settle(&mut self, generation: u64, verdict: Verdict) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if generation != self.generation {
            return;
        }
        let count = match verdict {
            Verdict::Alive => &mut self.stats.successes,
            Verdict::Failure => &mut self.stats.failures,
            Verdict::Neutral => &mut self.stats.neutral,
        };
        *count = count.saturating_add(1);
    }

    /// Calls that are granted and not settled.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Verdict::Alive), Just(Verdict::Failure), Just(Verdict::Neutral)]
    }

    proptest! {
        #[test]
        fn no_place_is_ever_lost(verdicts in proptest::collection::vec(verdict(), 0..100)) {
            let mut rules = Rules::default();
            let permits: Vec<u64> = verdicts.iter().map(|_| rules.checkout()).collect();
            prop_assert_eq!(rules.in_flight(), verdicts.len() as u64);
            for (generation, verdict) in permits.into_iter().zip(&verdicts) {
                rules.settle(generation, *verdict);
            }
            let stats = rules.stats();
            prop_assert_eq!(rules.in_flight(), 0);
            prop_assert_eq!(stats.fires, stats.successes + stats.failures + stats.neutral);
        }
    }
}
