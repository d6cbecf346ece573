//! Refusals, counted until they are written into the audit log: one row for each kind in an
//! interval, however many there are. Bounded, so that a flood fills neither memory nor the table.
//! The first of a kind is due at once, what follows at the end of the interval. Pure:
//! `http::auditing` fills it, `app::audit_tasks` empties it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::audit::{Action, CredentialKind};

/// Most kinds in an interval; beyond that only action and reason are told apart.
const MAX_KINDS: usize = 64;
/// Most kinds of one address; beyond that its actors and targets are not told apart.
const MAX_OF_ADDRESS: usize = 8;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// What was refused.
    pub action: Action,
    /// An error code or the name of a rate limit; from a closed set.
    pub reason: &'static str,
    /// The client's address, IPv6 by /64; none for all others together.
    pub address: Option<String>,
    /// The user who was refused, if it is known.
    pub actor: Option<(Uuid, String)>,
    /// What the user came with.
    pub credential: Option<(CredentialKind, Uuid)>,
    /// The account that was tried: id, if it is known, and name or pseudonym.
    pub target: Option<(Option<Uuid>, String)>,
}

/// A request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub request_id: String,
    /// The server's own.
    pub server_request_id: Uuid,
    /// Method and pattern of the route, if it is known.
    pub route: Option<String>,
}

/// Refusals of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub kind: Kind,
    pub count: u64,
    /// When the first of them was.
    pub first: DateTime<Utc>,
    /// When the last of them was.
    pub last: DateTime<Utc>,
    /// The last of them.
    pub sample: Sample,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// The kinds of this interval; none where all were handed out.
    kinds: HashMap<Kind, Option<Refused>>,
    /// Kinds that were not there before, to be handed out at once.
    fresh: Vec<Refused>,
}

impl Refusals {
    /// Counts a refusal. Says whether there is something to be written at once.
    pub fn count(&self, kind: Kind, sample: Sample, now: DateTime<Utc>) -> bool {
        self.lock().add(Refused { kind, count: 1, first: now, last: now, sample })
    }

    /// The first refusals of kinds that are new.
    pub fn take_fresh(&self) -> Vec<Refused> {
        std::mem::take(&mut self.lock().fresh)
    }

    /// All that was counted, at the end of an interval. Kinds without a refusal in it are new when
    /// they come again.
    pub fn take_all(&self) -> Vec<Refused> {
        let mut counted = self.lock();
        let mut all = std::mem::take(&mut counted.fresh);
        counted.kinds.retain(|_, refused| refused.is_some());
        all.extend(counted.kinds.values_mut().filter_map(Option::take));
        all
    }

    /// Takes back what could not be written.
    pub fn give_back(&self, refused: Vec<Refused>) {
        let mut counted = self.lock();
        for refused in refused {
            // Known by now, so that it is not due at once again.
            let kind = counted.bounded(&refused.kind);
            counted.kinds.entry(kind).or_default();
            counted.add(refused);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn add(&mut self, refused: Refused) -> bool {
        let kind = self.bounded(&refused.kind);
        let refused = Refused { kind: kind.clone(), ..refused };
        let Some(known) = self.kinds.get_mut(&kind) else {
            self.kinds.insert(kind, None);
            self.fresh.push(refused);
            return true;
        };
        match known {
            None => *known = Some(refused),
            Some(known) => {
                known.count = known.count.saturating_add(refused.count);
                known.first = known.first.min(refused.first);
                known.last = known.last.max(refused.last);
                known.sample = refused.sample;
            }
        }
        false
    }

    /// The kind that a refusal is counted as.
    fn bounded(&self, kind: &Kind) -> Kind {
        if self.kinds.contains_key(kind) {
            return kind.clone();
        }
        let of_address = Kind { actor: None, credential: None, target: None, ..kind.clone() };
        let kind = if self.kinds.keys().filter(|known| known.address == kind.address).count()
            < MAX_OF_ADDRESS
        {
            kind.clone()
        } else {
            of_address
        };
        if self.kinds.len() < MAX_KINDS || self.kinds.contains_key(&kind) {
            return kind;
        }
        // As many as there are pairs of action and reason, at most.
        Kind { address: None, actor: None, credential: None, target: None, ..kind }
    }
}

#[cfg(test)]
mod tests;
