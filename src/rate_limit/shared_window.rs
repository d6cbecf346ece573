//! The window of one caller whose requests several processes serve: this process's own hits, which
//! are exact, and the hits of the other processes, counted by time slots. A slot counts until all
//! of it has left the window, so no window ever exceeds the quota; a caller may have to wait longer
//! by the length of a slot.

use crate::rate_limit::sliding_window::{Hits, Quota, Wait, WindowState};

/// Number of slots in a window.
const SLOTS: i64 = 60;

/// Returns the length of a slot for a window, both in milliseconds.
pub fn slot_length(window: i64) -> i64 {
    (window / SLOTS).max(1)
}

/// The number of hits in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSlot {
    /// Begin of the slot, in milliseconds since 1970.
    pub at: i64,
    pub hits: usize,
}

/// The window of one caller.
#[derive(Clone, Debug, Default)]
pub struct SharedWindow {
    own: Hits,
    /// Slots of the other processes, oldest first.
    others: Vec<TimeSlot>,
    /// Own slots as they were last sent to the other processes.
    sent: Vec<TimeSlot>,
}

impl SharedWindow {
    /// Returns the weight of the window in bounded memory, in hits.
    pub fn weight(&self) -> usize {
        self.own.count().saturating_add(self.others.len()).saturating_add(self.sent.len())
    }

    /// Adds a hit.
    ///
    /// # Errors
    /// [`Wait`] when the window is full. A caller that waits that long is admitted, unless another
    /// request of it takes the hit.
    pub fn reserve(&mut self, quota: Quota, now: i64) -> Result<WindowState, Wait> {
        let length = slot_length(quota.window);
        self.own.expire(quota.window, now);
        self.others
            .retain(|slot| slot.at.saturating_add(length).saturating_add(quota.window) > now);
        let count = self
            .others
            .iter()
            .fold(self.own.count(), |count, slot| count.saturating_add(slot.hits));
        if count >= quota.limit {
            let excess = count.saturating_sub(quota.limit).saturating_add(1);
            let last_hit = self.time_of_hit(excess, length).unwrap_or(now);
            return Err(Wait(last_hit.saturating_add(quota.window).saturating_sub(now).max(1)));
        }
        self.own.add(now);
        let oldest = self.time_of_hit(1, length).unwrap_or(now);
        Ok(WindowState {
            remaining: quota.limit.saturating_sub(count).saturating_sub(1),
            reset: oldest.saturating_add(quota.window).saturating_sub(now),
        })
    }

    /// Returns the time of the `number`-th oldest hit, counted from 1. A hit of another process has
    /// the time of its slot's end.
    fn time_of_hit(&self, number: usize, length: i64) -> Option<i64> {
        let own = self.own.instants().map(|at| (at, 1));
        let others = self.others.iter().map(|slot| (slot.at.saturating_add(length), slot.hits));
        let mut hits: Vec<(i64, usize)> = own.take(number).chain(others).collect();
        hits.sort_unstable();
        let mut counted = 0_usize;
        hits.into_iter().find_map(|(at, count)| {
            counted = counted.saturating_add(count);
            (counted >= number).then_some(at)
        })
    }

    /// Removes an own hit that was added at this instant.
    pub fn release(&mut self, at: i64) {
        self.own.release(at);
    }

    /// Returns the own slots that the other processes do not know: those that changed since they
    /// were sent and are completely inside the window.
    pub fn unsent(&self, window: i64, now: i64) -> Vec<TimeSlot> {
        let current = self.slots(window);
        let sent = |at: i64| self.sent.iter().find(|slot| slot.at == at).map(|slot| slot.hits);
        let changed = current.iter().filter(|slot| sent(slot.at) != Some(slot.hits)).copied();
        let emptied = self
            .sent
            .iter()
            .filter(|slot| slot.hits > 0 && !current.iter().any(|own| own.at == slot.at));
        let all = changed.chain(emptied.map(|slot| TimeSlot { at: slot.at, hits: 0 }));
        all.filter(|slot| slot.at > now.saturating_sub(window)).collect()
    }

    fn slots(&self, window: i64) -> Vec<TimeSlot> {
        let length = slot_length(window);
        let mut slots: Vec<TimeSlot> = Vec::new();
        for at in self.own.instants() {
            let begin = at.div_euclid(length).saturating_mul(length);
            match slots.last_mut() {
                Some(slot) if slot.at == begin => slot.hits = slot.hits.saturating_add(1),
                _ => slots.push(TimeSlot { at: begin, hits: 1 }),
            }
        }
        slots
    }

    /// Records that these own slots were sent to the other processes.
    pub fn mark_sent(&mut self, slots: &[TimeSlot], window: i64, now: i64) {
        self.sent.retain(|old| {
            old.at > now.saturating_sub(window) && !slots.iter().any(|slot| slot.at == old.at)
        });
        self.sent.extend_from_slice(slots);
    }

    /// Replaces the slots of the other processes.
    pub fn set_others(&mut self, mut slots: Vec<TimeSlot>) {
        slots.sort_unstable_by_key(|slot| slot.at);
        self.others = slots;
    }
}

#[cfg(test)]
mod tests;
