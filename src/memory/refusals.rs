//! Refusals, counted until they are written into the audit log: one row for each kind in an interval, however many there
//! are. Bounded, so that a flood fills neither memory nor the table. The first of a kind is due at once, what follows at the
//! end of the interval. Pure: `http::auditing` fills it, `app::audit_tasks` empties it.

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
    /// `X-Request-ID`.
    pub request_id: String,
    /// The server's own.
    pub server_request_id: Uuid,
    /// Method and pattern of the route, if it is known.
    pub route: Option<String>,
}

/// Refusals of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which kind.
    pub kind: Kind,
    /// How many.
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

    /// All that was counted, at the end of an interval. Kinds without a refusal in it are new when they come again.
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
        let kind = if self.kinds.keys().filter(|known| known.address == kind.address).count() < MAX_OF_ADDRESS {
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
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn kind(address: usize, target: usize) -> Kind {
        Kind {
            action: Action::LoginFailed,
            reason: "AUTHENTICATION_ERROR",
            address: Some(format!("192.0.2.{address}")),
            actor: None,
            credential: None,
            target: Some((None, target.to_string())),
        }
    }

    fn sample() -> Sample {
        Sample { request_id: "r".into(), server_request_id: Uuid::nil(), route: None }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
    }

    #[test]
    fn first_is_due_at_once_and_the_rest_at_the_end_of_the_interval() {
        let refusals = Refusals::default();
        assert!(refusals.count(kind(1, 1), sample(), at(0)));
        assert!(!refusals.count(kind(1, 1), sample(), at(1)));
        assert_eq!(refusals.take_fresh().len(), 1);
        assert!(!refusals.count(kind(1, 1), sample(), at(2)));
        assert!(refusals.take_fresh().is_empty());
        let all = refusals.take_all();
        assert_eq!((all[0].count, all[0].first, all[0].last), (2, at(1), at(2)));
        // Still going on: one row an interval.
        assert!(!refusals.count(kind(1, 1), sample(), at(61)));
        assert_eq!(refusals.take_all().len(), 1);
        assert!(refusals.take_all().is_empty());
        assert!(refusals.count(kind(1, 1), sample(), at(200)), "new after a quiet interval");
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let refusals = Refusals::default();
        refusals.count(kind(1, 1), sample(), at(0));
        refusals.count(kind(1, 1), sample(), at(5));
        for _ in 0..3 {
            let all = refusals.take_all();
            assert_eq!(all.iter().map(|refused| refused.count).sum::<u64>(), 2);
            refusals.give_back(all);
            assert!(refusals.take_fresh().is_empty());
        }
        let all = refusals.take_all();
        assert_eq!((all.len(), all[0].count, all[0].first, all[0].last), (1, 2, at(0), at(5)));
    }

    proptest! {
        /// Whatever comes: as many as were counted are handed out, in boundedly many rows.
        #[test]
        fn a_flood_is_counted_and_bounded(flood in prop::collection::vec((0usize..100, 0usize..1000), 1..2000)) {
            let refusals = Refusals::default();
            for (address, target) in &flood {
                refusals.count(kind(*address, *target), sample(), at(0));
            }
            let mut rows = refusals.take_fresh();
            rows.extend(refusals.take_all());
            prop_assert_eq!(rows.iter().map(|refused| refused.count).sum::<u64>(), flood.len() as u64);
            prop_assert!(rows.len() <= 2 * (MAX_KINDS + 1), "{}", rows.len());
        }

        #[test]
        fn one_address_makes_a_handful_of_rows(targets in prop::collection::vec(0usize..10_000, 1..2000)) {
            let refusals = Refusals::default();
            for target in &targets {
                refusals.count(kind(1, *target), sample(), at(0));
            }
            prop_assert!(refusals.take_all().len() <= 2 * (MAX_OF_ADDRESS + 1));
        }
    }
}
