//! Tests of `actors::api_key_cache::rules`, over random histories.

use proptest::prelude::*;

use super::*;
use crate::actors::api_key_cache::test_keys::{hash, id, key_identity};

#[derive(Clone, Debug)]
enum Step {
    Request(u32),
    /// The pending lookup of a key reads its row.
    Read(u32),
    Complete(u32),
    Fail(u32),
    /// The key is revoked in the database and invalidated here.
    InvalidateKey(u32),
    InvalidateUser(u32),
    InvalidateAll,
    InvalidateSessions(u32),
}

fn owner(key: u32) -> Uuid {
    key_identity(key).user_id
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u32..4;
    prop_oneof![
        4 => key.clone().prop_map(Step::Request),
        4 => key.clone().prop_map(Step::Read),
        4 => key.clone().prop_map(Step::Complete),
        1 => key.clone().prop_map(Step::Fail),
        2 => key.clone().prop_map(Step::InvalidateKey),
        1 => key.clone().prop_map(Step::InvalidateUser),
        1 => Just(Step::InvalidateAll),
        1 => key.prop_map(Step::InvalidateSessions),
    ]
}

/// What happens to the epoch of permissions.
#[derive(Clone, Copy, Debug)]
enum EpochStep {
    /// A change whose event arrives.
    Delivered,
    /// A change whose event is lost.
    Lost,
    Poll,
    /// A restored backup, in which the counter is so much lower, and a poll.
    RestoreAndPoll(i64),
}

fn epoch_step() -> impl Strategy<Value = EpochStep> {
    prop_oneof![
        4 => Just(EpochStep::Delivered),
        2 => Just(EpochStep::Lost),
        2 => Just(EpochStep::Poll),
        1 => (1_i64..5).prop_map(EpochStep::RestoreAndPoll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A version counts the invalidations of a key. In any order of steps, what is cached is never
    /// older than the last invalidation, each key has at most one lookup, and every waiter is
    /// answered once.
    #[test]
    fn result_read_before_an_invalidation_is_never_inserted_after_it(
        history in proptest::collection::vec(step(), 1..120),
    ) {
        let (mut rules, mut requested, mut answered) = (LookupRules::default(), 0_u32, 0_u32);
        let mut versions = HashMap::<u32, u32>::new();
        let mut lookups = HashMap::<u32, Option<u32>>::new();
        let mut cached = HashMap::<u32, u32>::new();
        for step in history {
            let invalidated: Vec<u32> = match &step {
                Step::InvalidateKey(key) => vec![*key],
                Step::InvalidateUser(key) => {
                    (0..4).filter(|other| owner(*other) == owner(*key)).collect()
                }
                Step::InvalidateAll => (0..4).collect(),
                _ => Vec::new(),
            };
            for key in invalidated {
                *versions.entry(key).or_default() += 1;
                cached.remove(&key);
            }
            match step {
                Step::Request(key) => {
                    requested += 1;
                    let start = rules.request(hash(key), requested);
                    let expected = if lookups.contains_key(&key) {
                        LookupStart::Joined
                    } else {
                        LookupStart::Started
                    };
                    prop_assert_eq!(start, expected);
                    lookups.entry(key).or_insert(None);
                }
                Step::Read(key) => {
                    if let Some(read) = lookups.get_mut(&key) {
                        // The first read of a lookup counts; its later reads do not.
                        read.get_or_insert(*versions.get(&key).unwrap_or(&0));
                    }
                }
                Step::Complete(key) => {
                    let Some(Some(version)) = lookups.get(&key).copied() else { continue };
                    match rules.complete(hash(key), Some(key_identity(key))) {
                        LookupCompletion::Insert(waiters) => {
                            prop_assert_eq!(version, *versions.get(&key).unwrap_or(&0), "stale");
                            cached.insert(key, version);
                            answered += u32::try_from(waiters.len()).unwrap();
                            lookups.remove(&key);
                        }
                        LookupCompletion::Retry => { lookups.insert(key, None); }
                        LookupCompletion::GiveUp(waiters) => {
                            answered += u32::try_from(waiters.len()).unwrap();
                            lookups.remove(&key);
                        }
                    }
                }
                Step::Fail(key) => {
                    answered += u32::try_from(rules.fail(hash(key)).len()).unwrap();
                    lookups.remove(&key);
                }
                Step::InvalidateKey(key) => rules.invalidate(InvalidationScope::Key(id(key))),
                Step::InvalidateUser(key) => rules.invalidate(InvalidationScope::User(owner(key))),
                Step::InvalidateSessions(key) => {
                    rules.invalidate(InvalidationScope::Sessions(owner(key)));
                }
                Step::InvalidateAll => rules.invalidate(InvalidationScope::All),
            }
            prop_assert_eq!(rules.lookups_in_progress(), lookups.len());
            for (key, version) in &cached {
                prop_assert_eq!(version, versions.get(key).unwrap_or(&0));
            }
        }
        for key in 0..4 {
            answered += u32::try_from(rules.fail(hash(key)).len()).unwrap();
        }
        prop_assert_eq!(requested, answered);
    }

    /// With events that are lost and a counter that goes back: when an event or a poll is applied,
    /// all changes so far were applied, or a new incarnation is started.
    #[test]
    fn missed_event_is_repaired_by_the_next_event_or_poll(
        steps in proptest::collection::vec(epoch_step(), 1..60),
    ) {
        let mut rules = LookupRules::<()>::default();
        // The counter of the database, and whether a change of it was missed.
        let (mut counter, mut is_missed) = (100, true);
        for step in steps {
            let is_new_incarnation = match step {
                EpochStep::Lost => {
                    (counter, is_missed) = (counter + 1, true);
                    continue;
                }
                EpochStep::Delivered => {
                    counter += 1;
                    rules.apply_event(counter)
                }
                EpochStep::Poll => rules.apply_epoch(counter, rules.epoch()),
                EpochStep::RestoreAndPoll(back) => {
                    counter -= back;
                    is_missed = rules.epoch().is_none_or(|applied| counter != applied);
                    rules.apply_epoch(counter, rules.epoch())
                }
            };
            prop_assert!(is_new_incarnation || !is_missed, "{:?} at {}", step, counter);
            prop_assert_eq!(rules.epoch(), Some(counter));
            is_missed = false;
        }
    }
}

#[test]
fn concurrent_requests_for_a_key_share_one_lookup() {
    let mut rules = LookupRules::default();
    let starts: Vec<_> = (0..100).map(|waiter| rules.request(hash(1), waiter)).collect();
    assert_eq!(starts.iter().filter(|start| **start == LookupStart::Started).count(), 1);
    let LookupCompletion::Insert(waiters) = rules.complete(hash(1), Some(key_identity(1))) else {
        panic!("not inserted")
    };
    assert_eq!(waiters, (0..100).collect::<Vec<_>>());
}

#[test]
fn lookups_in_progress_are_bounded_and_end_after_four_outdated_reads() {
    let mut rules = LookupRules::default();
    let full = (0..2000)
        .filter(|number| matches!(rules.request(hash(*number), *number), LookupStart::Full(_)))
        .count();
    assert_eq!(full, 2000 - 1024);
    for _ in 0..3 {
        (0..100).for_each(|_| rules.invalidate(InvalidationScope::Key(id(1))));
        assert_eq!(rules.complete(hash(1), Some(key_identity(1))), LookupCompletion::Retry);
    }
    rules.invalidate(InvalidationScope::All);
    assert_eq!(rules.complete(hash(1), None), LookupCompletion::GiveUp(vec![1]));
}

#[test]
fn lower_epoch_starts_an_incarnation_unless_a_notification_overtook_the_poll() {
    let mut rules = LookupRules::<u32>::default();
    assert!(rules.apply_epoch(10, None));
    assert!(!rules.apply_epoch(10, Some(10)));
    // Polled when 10 was applied, result 11; the event of 12 was applied before the result.
    assert!(!rules.apply_event(11));
    assert!(!rules.apply_event(12));
    assert!(!rules.apply_epoch(11, Some(10)));
    assert_eq!(rules.epoch(), Some(12));
    // A restored backup: lower than what was applied when the poll was sent.
    assert!(rules.apply_epoch(7, Some(12)));
    assert_eq!(rules.epoch(), Some(7));
    assert!(!rules.apply_epoch(7, Some(7)));
    // The next event is applied as usual; after a gap a new incarnation starts.
    assert!(!rules.apply_event(8));
    assert!(rules.apply_event(10));
    assert_eq!(rules.epoch(), Some(10));
    // Events that a poll has overtaken are applied already.
    assert!(!rules.apply_event(10) && !rules.apply_event(9));
    assert_eq!(rules.epoch(), Some(10));
}

/// With more invalidations than are kept, each may have been one of this key.
#[test]
fn lookup_that_overlaps_many_invalidations_reads_again() {
    for (invalidations, expected) in [
        (MAX_INVALIDATIONS, LookupCompletion::Insert(vec![1])),
        (MAX_INVALIDATIONS + 1, LookupCompletion::Retry),
    ] {
        let mut rules = LookupRules::default();
        rules.request(hash(1), 1);
        (0..invalidations).for_each(|_| rules.invalidate(InvalidationScope::Key(id(9))));
        assert_eq!(rules.complete(hash(1), Some(key_identity(1))), expected, "{invalidations}");
    }
}

/// A lookup that read the key before the incarnation may have missed a change.
#[test]
fn lookup_that_overlaps_a_new_incarnation_reads_again() {
    let mut rules = LookupRules::default();
    rules.request(hash(1), 1);
    rules.invalidate(InvalidationScope::All);
    assert_eq!(rules.complete(hash(1), Some(key_identity(1))), LookupCompletion::Retry);
    assert_eq!(rules.complete(hash(1), Some(key_identity(1))), LookupCompletion::Insert(vec![1]));
}
