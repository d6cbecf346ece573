//! The window of one caller that several processes serve: this process's own hits, exact, and what
//! the others have counted, in slots of time. What the others have counted counts until its whole
//! slot has left the window, so that a slot never lets too many through; it may hold a caller back
//! for the length of a slot.

use crate::rate_limit::sliding_window::{Hits, Quota, Standing, Wait};

/// Slots in a window.
const SLOTS: i64 = 60;

/// The length of a slot in milliseconds.
pub fn slot_length(window: i64) -> i64 {
    (window / SLOTS).max(1)
}

/// Hits in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its begin, milliseconds since 1970.
    pub at: i64,
    pub hits: usize,
}

/// The window of one caller.
#[derive(Clone, Debug, Default)]
pub struct SharedWindow {
    own: Hits,
    /// The others' slots, the oldest first.
    others: Vec<Slot>,
    /// Own slots as they were last sent to the others.
    sent: Vec<Slot>,
}

impl SharedWindow {
    /// Its cost in bounded memory, in hits.
    pub fn weight(&self) -> usize {
        self.own.count().saturating_add(self.others.len()).saturating_add(self.sent.len())
    }

    /// Takes a hit, if one is left.
    ///
    /// # Errors
    /// [`Wait`]; a caller that waits so long, while no other takes any, gets through.
    pub fn reserve(&mut self, quota: Quota, now: i64) -> Result<Standing, Wait> {
        let length = slot_length(quota.window);
        self.own.expire(quota.window, now);
        self.others
            .retain(|slot| slot.at.saturating_add(length).saturating_add(quota.window) > now);
        let count = self
            .others
            .iter()
            .fold(self.own.count(), |count, slot| count.saturating_add(slot.hits));
        if count >= quota.most {
            let must_leave = count.saturating_sub(quota.most).saturating_add(1);
            let leaves = self.leaves(must_leave, length).unwrap_or(now);
            return Err(Wait(leaves.saturating_add(quota.window).saturating_sub(now).max(1)));
        }
        self.own.add(now);
        let oldest = self.leaves(1, length).unwrap_or(now);
        Ok(Standing {
            remaining: quota.most.saturating_sub(count).saturating_sub(1),
            reset: oldest.saturating_add(quota.window).saturating_sub(now),
        })
    }

    /// The instant from which on `hits` of those that count now are older than one window less.
    fn leaves(&self, hits: usize, length: i64) -> Option<i64> {
        let own = self.own.instants().map(|at| (at, 1));
        let others = self.others.iter().map(|slot| (slot.at.saturating_add(length), slot.hits));
        let mut events: Vec<(i64, usize)> = own.take(hits).chain(others).collect();
        events.sort_unstable();
        let mut gone = 0_usize;
        events.into_iter().find_map(|(at, count)| {
            gone = gone.saturating_add(count);
            (gone >= hits).then_some(at)
        })
    }

    /// Gives a hit back that was taken at that moment.
    pub fn release(&mut self, at: i64) {
        self.own.release(at);
    }

    /// Own slots that the others have to learn of: those that changed since the last time and are
    /// wholly in the window.
    pub fn unsent(&self, window: i64, now: i64) -> Vec<Slot> {
        let current = self.slots(window);
        let sent = |at: i64| self.sent.iter().find(|slot| slot.at == at).map(|slot| slot.hits);
        let changed = current.iter().filter(|slot| sent(slot.at) != Some(slot.hits)).copied();
        let emptied = self
            .sent
            .iter()
            .filter(|slot| slot.hits > 0 && !current.iter().any(|own| own.at == slot.at));
        let all = changed.chain(emptied.map(|slot| Slot { at: slot.at, hits: 0 }));
        all.filter(|slot| slot.at > now.saturating_sub(window)).collect()
    }

    fn slots(&self, window: i64) -> Vec<Slot> {
        let length = slot_length(window);
        let mut slots: Vec<Slot> = Vec::new();
        for at in self.own.instants() {
            let begin = at.div_euclid(length).saturating_mul(length);
            match slots.last_mut() {
                Some(slot) if slot.at == begin => slot.hits = slot.hits.saturating_add(1),
                _ => slots.push(Slot { at: begin, hits: 1 }),
            }
        }
        slots
    }

    /// The others have learnt of these.
    pub fn sent(&mut self, slots: &[Slot], window: i64, now: i64) {
        self.sent.retain(|old| {
            old.at > now.saturating_sub(window) && !slots.iter().any(|slot| slot.at == old.at)
        });
        self.sent.extend_from_slice(slots);
    }

    /// What the others have counted, in place of what they had before.
    pub fn replace_others(&mut self, mut slots: Vec<Slot>) {
        slots.sort_unstable_by_key(|slot| slot.at);
        self.others = slots;
    }
}

#[cfg(test)]
mod tests;
