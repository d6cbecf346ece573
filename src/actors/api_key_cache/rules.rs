//! Who looks a key up, and whether what was read may be remembered: pure, told what happens, and
//! decides.
//!
//! A look-up that read a key before it ended must not put it back afterwards. So every look-up
//! under way remembers what has ended since it began; what it brings home is taken only if none of
//! that concerns it, and read again otherwise.

use std::collections::HashMap;

use uuid::Uuid;

use crate::credentials::api_keys::KeyHash;
use crate::model::authority::Concern;

/// The most look-ups under way at once; each waits for the database.
const MAX_FLIGHTS: usize = 1024;
/// A look-up that so much has ended under is concerned by all of it.
const MAX_ENDED: usize = 64;
/// How often a look-up is made in all before its callers are told to come back.
const MAX_READS: u32 = 4;

/// The rules; `W` is somebody who waits for an answer.
#[derive(Debug)]
pub(super) struct Rules<W> {
    flights: HashMap<KeyHash, Flight<W>>,
    /// The epoch up to which everything that was announced has been applied.
    epoch: Option<i64>,
}

#[derive(Debug)]
struct Flight<W> {
    waiting: Vec<W>,
    ended: Vec<Concern>,
    reads: u32,
}

/// What to do about a miss.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn<W> {
    /// Look it up.
    LookUp,
    /// Somebody does already.
    Wait,
    /// Too many are under way: this one is told to come back.
    Full(W),
}

/// What to do with what a look-up brought home.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Landing<W> {
    /// Remember it, and tell these.
    Fill(Vec<W>),
    /// It may be out of date: look again.
    Again,
    /// It was out of date too often: tell these to come back.
    GiveUp(Vec<W>),
}

/// Whose key was read: the key and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    pub(super) key_id: Uuid,
    pub(super) user_id: Uuid,
}

impl<W> Default for Rules<W> {
    fn default() -> Self {
        Self { flights: HashMap::new(), epoch: None }
    }
}

impl Whose {
    /// Whether a change concerns it.
    pub(super) fn is_concerned(self, concern: Concern) -> bool {
        match concern {
            Concern::Key(key_id) => key_id == self.key_id,
            Concern::User(user_id) => user_id == self.user_id,
            Concern::Sessions(_) => false,
            Concern::All => true,
        }
    }
}

impl<W> Rules<W> {
    /// Somebody asks for a key that is not known.
    pub(super) fn ask(&mut self, hash: KeyHash, who: W) -> Turn<W> {
        if let Some(flight) = self.flights.get_mut(&hash) {
            flight.waiting.push(who);
            return Turn::Wait;
        }
        if self.flights.len() >= MAX_FLIGHTS {
            return Turn::Full(who);
        }
        self.flights.insert(hash, Flight { waiting: vec![who], ended: Vec::new(), reads: 1 });
        Turn::LookUp
    }

    /// A look-up is back: with a key, or with the word that there is none.
    pub(super) fn land(&mut self, hash: KeyHash, read: Option<Whose>) -> Landing<W> {
        let Some(flight) = self.flights.get_mut(&hash) else { return Landing::Fill(Vec::new()) };
        let doubtful = match read {
            Some(whose) => flight.ended.iter().any(|concern| whose.is_concerned(*concern)),
            None => flight.ended.contains(&Concern::All),
        };
        if doubtful && flight.reads < MAX_READS {
            flight.reads = flight.reads.saturating_add(1);
            flight.ended.clear();
            return Landing::Again;
        }
        let waiting = self.crash(hash);
        if doubtful { Landing::GiveUp(waiting) } else { Landing::Fill(waiting) }
    }

    /// A look-up has failed: these are to be told.
    pub(super) fn crash(&mut self, hash: KeyHash) -> Vec<W> {
        self.flights.remove(&hash).map(|flight| flight.waiting).unwrap_or_default()
    }

    /// Authority has ended or changed: look-ups under way may have read what was before.
    pub(super) fn end(&mut self, concern: Concern) {
        for flight in self.flights.values_mut() {
            if flight.ended.len() >= MAX_ENDED {
                flight.ended = vec![Concern::All];
            } else {
                flight.ended.push(concern);
            }
        }
    }

    /// An epoch was announced with whom it concerns. Returns whom it really concerns: everybody, if
    /// announcements are missing between the last one and this.
    pub(super) fn announced(&mut self, epoch: i64, concern: Concern) -> Concern {
        match self.epoch {
            Some(applied) if epoch <= applied => concern,
            Some(applied) if epoch == applied.saturating_add(1) => {
                self.epoch = Some(epoch);
                concern
            }
            _ => {
                self.epoch = Some(epoch);
                Concern::All
            }
        }
    }

    /// The epoch was read, by a question that was sent when `known` was applied. Returns whether
    /// everything is to be invalidated: something was missed, or the counter went back (another
    /// server after a failover, a restored backup). An answer below what was applied *meanwhile*
    /// says nothing: a notification has overtaken it.
    pub(super) fn polled(&mut self, epoch: i64, known: Option<i64>) -> bool {
        let missed = self.epoch.is_none_or(|applied| epoch > applied);
        let went_back = known.is_some_and(|known| epoch < known);
        if missed || went_back {
            self.epoch = Some(epoch);
        }
        missed || went_back
    }

    /// The epoch up to which every change was applied.
    pub(super) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.flights.len()
    }
}
