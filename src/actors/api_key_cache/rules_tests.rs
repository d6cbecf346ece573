//! The invariants of the rules, over random histories; and the table.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use uuid::Uuid;

use super::known_key::KnownKey;
use super::rules::{Landing, Rules, Turn, Whose};
use super::table::{
    DOUBTFUL, FRESH, MAX_KNOWN, MAX_UNKNOWN, Recollection, Table, Trust, UNKNOWN_FOR,
};
use crate::credentials::api_keys::{ApiKey, KeyHash};
use crate::model::authority::Concern;
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::api_keys::authority::Standing;
use crate::storage::users::Account;

fn hash(number: u32) -> KeyHash {
    ApiKey::parse(&format!("mdl_{number:064x}")).unwrap().hash()
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(number.into())
}

fn whose(key: u32) -> Whose {
    // Two keys a user.
    Whose { key_id: id(key), user_id: id(1000 + key / 2) }
}

fn known(key: u32) -> Arc<KnownKey> {
    let Whose { key_id, user_id } = whose(key);
    let owner = Account {
        user_id,
        username: "u".into(),
        email: "u@example.com".into(),
        role: Role::Viewer,
    };
    let scopes: Scopes = [Scope::MetricsRead].into_iter().collect();
    Arc::new(KnownKey::of(Standing {
        key_id,
        owner,
        scopes,
        rate_limit: None,
        expires_at: None,
        ended: false,
    }))
}

#[derive(Clone, Debug)]
enum Step {
    /// Somebody asks for a key.
    Ask(u32),
    /// The look-up of a key reads its row.
    Read(u32),
    /// It comes back.
    Land(u32),
    Crash(u32),
    /// The key ends in the database, and the process hears it.
    EndKey(u32),
    EndUser(u32),
    EndAll,
    EndSessions(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u32..4;
    prop_oneof![
        4 => key.clone().prop_map(Step::Ask),
        4 => key.clone().prop_map(Step::Read),
        4 => key.clone().prop_map(Step::Land),
        1 => key.clone().prop_map(Step::Crash),
        2 => key.clone().prop_map(Step::EndKey),
        1 => key.clone().prop_map(Step::EndUser),
        1 => Just(Step::EndAll),
        1 => key.prop_map(Step::EndSessions),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A version counts how often a key has ended. Whatever happens in whatever order: what is
    /// remembered is never older than the last end that was heard, each key has one look-up at a
    /// time, and everybody who asks is answered once.
    #[test]
    fn what_was_read_before_an_end_is_never_remembered_after_it(history in proptest::collection::vec(step(), 1..120)) {
        let (mut rules, mut asked, mut answered) = (Rules::default(), 0_u32, 0_u32);
        let mut versions = HashMap::<u32, u32>::new();
        let mut flights = HashMap::<u32, Option<u32>>::new();
        let mut remembered = HashMap::<u32, u32>::new();
        for step in history {
            let ends: Vec<u32> = match &step {
                Step::EndKey(key) => vec![*key],
                Step::EndUser(key) => (0..4).filter(|other| whose(*other).user_id == whose(*key).user_id).collect(),
                Step::EndAll => (0..4).collect(),
                _ => Vec::new(),
            };
            for key in ends {
                *versions.entry(key).or_default() += 1;
                remembered.remove(&key);
            }
            match step {
                Step::Ask(key) => {
                    asked += 1;
                    let turn = rules.ask(hash(key), asked);
                    let expected = if flights.contains_key(&key) { Turn::Wait } else { Turn::LookUp };
                    prop_assert_eq!(turn, expected);
                    flights.entry(key).or_insert(None);
                }
                Step::Read(key) => {
                    if let Some(read) = flights.get_mut(&key) {
                        // The database's word at this moment; a later read of the same look-up does
                        // not count.
                        read.get_or_insert(*versions.get(&key).unwrap_or(&0));
                    }
                }
                Step::Land(key) => {
                    let Some(Some(version)) = flights.get(&key).copied() else { continue };
                    match rules.land(hash(key), Some(whose(key))) {
                        Landing::Fill(waiting) => {
                            prop_assert_eq!(version, *versions.get(&key).unwrap_or(&0), "stale");
                            remembered.insert(key, version);
                            answered += u32::try_from(waiting.len()).unwrap();
                            flights.remove(&key);
                        }
                        Landing::Again => { flights.insert(key, None); }
                        Landing::GiveUp(waiting) => {
                            answered += u32::try_from(waiting.len()).unwrap();
                            flights.remove(&key);
                        }
                    }
                }
                Step::Crash(key) => {
                    answered += u32::try_from(rules.crash(hash(key)).len()).unwrap();
                    flights.remove(&key);
                }
                Step::EndKey(key) => rules.end(Concern::Key(id(key))),
                Step::EndUser(key) => rules.end(Concern::User(whose(key).user_id)),
                Step::EndSessions(key) => rules.end(Concern::Sessions(whose(key).user_id)),
                Step::EndAll => rules.end(Concern::All),
            }
            prop_assert_eq!(rules.under_way(), flights.len());
            for (key, version) in &remembered {
                prop_assert_eq!(version, versions.get(key).unwrap_or(&0));
            }
        }
        for key in 0..4 {
            answered += u32::try_from(rules.crash(hash(key)).len()).unwrap();
        }
        prop_assert_eq!(asked, answered);
    }

    /// However announcements are lost, repeated or overtaken by polls: after a poll of epoch n,
    /// everything up to n was applied, or everything was forgotten.
    #[test]
    fn nothing_is_missed_for_longer_than_a_poll(heard in proptest::collection::vec((1_i64..30, any::<bool>()), 1..60)) {
        let mut rules = Rules::<()>::default();
        // Up to which epoch this process is known to have applied all.
        let mut complete: Option<i64> = None;
        for (epoch, poll) in heard {
            let all = if poll {
                rules.polled(epoch, None)
            } else {
                rules.announced(epoch, Concern::Key(id(0))) == Concern::All
            };
            if all || complete == Some(epoch - 1) {
                complete = complete.max(Some(epoch));
            }
            prop_assert!(complete.is_some_and(|complete| complete >= epoch), "{} of {:?}", epoch, complete);
        }
    }
}

#[test]
fn a_hundred_who_ask_at_once_cost_one_look_up() {
    let mut rules = Rules::default();
    let turns: Vec<_> = (0..100).map(|who| rules.ask(hash(1), who)).collect();
    assert_eq!(turns.iter().filter(|turn| **turn == Turn::LookUp).count(), 1);
    let Landing::Fill(waiting) = rules.land(hash(1), Some(whose(1))) else { panic!("not filled") };
    assert_eq!(waiting, (0..100).collect::<Vec<_>>());
}

#[test]
fn look_ups_under_way_are_bounded_and_a_restless_key_is_given_up() {
    let mut rules = Rules::default();
    let full = (0..2000)
        .filter(|number| matches!(rules.ask(hash(*number), *number), Turn::Full(_)))
        .count();
    assert_eq!(full, 2000 - 1024);
    for _ in 0..3 {
        (0..100).for_each(|_| rules.end(Concern::Key(id(1))));
        assert_eq!(rules.land(hash(1), Some(whose(1))), Landing::Again);
    }
    rules.end(Concern::All);
    assert_eq!(rules.land(hash(1), None), Landing::GiveUp(vec![1]));
}

#[test]
fn the_table_forgets_whom_a_change_concerns() {
    let now = Instant::now();
    let table = Table::new(now);
    (0..6).for_each(|key| table.fill(hash(key), Some(known(key)), now));
    table.fill(hash(9), None, now);
    let is_known = |key| matches!(table.recall(&hash(key), now), Recollection::Known(_));
    table.forget(Concern::Sessions(whose(0).user_id));
    assert!((0..6).all(is_known));
    table.forget(Concern::Key(id(0)));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, true, true, true, true]);
    table.forget(Concern::User(whose(2).user_id));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, false, false, true, true]);
    assert!(matches!(table.recall(&hash(9), now), Recollection::Unknown));
    assert!(matches!(table.recall(&hash(9), now + UNKNOWN_FOR), Recollection::Nothing));
    table.forget(Concern::All);
    assert_eq!(table.sizes(), (0, 0));
}

#[test]
fn a_key_that_is_being_changed_is_no_hit() {
    let now = Instant::now();
    let table = Table::new(now);
    (0..2).for_each(|key| table.fill(hash(key), Some(known(key)), now));
    let is_changing = |key| matches!(table.recall(&hash(key), now), Recollection::Changing);
    table.begin(Concern::Key(id(0)));
    table.begin(Concern::Key(id(0)));
    assert!(is_changing(0) && !is_changing(1));
    table.settle(Concern::Key(id(0)));
    assert!(is_changing(0), "two changes, one of them settled");
    table.settle(Concern::Key(id(0)));
    assert!(!is_changing(0));
}

#[test]
fn an_epoch_that_reads_lower_than_it_was_invalidates_unless_a_notification_overtook_it() {
    let mut rules = Rules::<u32>::default();
    assert!(rules.polled(10, None));
    assert!(!rules.polled(10, Some(10)));
    // Asked under 10, answered with 11; 12 was announced before the answer was applied.
    assert_eq!(rules.announced(11, Concern::Sessions(id(1))), Concern::Sessions(id(1)));
    assert_eq!(rules.announced(12, Concern::Sessions(id(1))), Concern::Sessions(id(1)));
    assert!(!rules.polled(11, Some(10)));
    assert_eq!(rules.epoch(), Some(12));
    // A restored backup: lower than what was applied when it was asked.
    assert!(rules.polled(7, Some(12)));
    assert_eq!(rules.epoch(), Some(7));
    assert!(!rules.polled(7, Some(7)));
    // Its next change is followed as any other.
    assert_eq!(rules.announced(8, Concern::Key(id(1))), Concern::Key(id(1)));
}

#[test]
fn trust_fades() {
    let now = Instant::now();
    let table = Table::new(now);
    assert_eq!(table.trust(now), Trust::None);
    table.hear(now);
    let later = Duration::from_millis(1);
    for (after, trust) in [
        (FRESH, Trust::Fresh),
        (FRESH + later, Trust::Doubtful),
        (DOUBTFUL, Trust::Doubtful),
        (DOUBTFUL + later, Trust::None),
    ] {
        assert_eq!(table.trust(now + after), trust, "{after:?}");
    }
}

/// What is asked for again and again stays, whatever passes through beside it.
#[test]
#[ignore = "measures the whole process: scripts/test runs it alone"]
fn a_million_unknown_keys_leave_memory_bounded() {
    let now = Instant::now();
    let table = Table::new(now);
    table.fill(hash(7), Some(known(7)), now);
    let resident = || {
        let pages: u64 = std::fs::read_to_string("/proc/self/statm")
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        pages * 4
    };
    let before = resident();
    for number in 0..1_000_000 {
        let unknown = hash(number + 100);
        assert!(matches!(table.recall(&unknown, now), Recollection::Nothing));
        table.fill(unknown, None, now);
        if number < 50_000 {
            table.fill(hash(number + 2_000_000), Some(known(number)), now);
            assert!(matches!(table.recall(&hash(7), now), Recollection::Known(_)));
        }
    }
    let (known, unknown) = table.sizes();
    let grown = resident().saturating_sub(before);
    eprintln!(
        "1,000,000 unknown and 50,000 known keys: {unknown} and {known} remembered, {grown} KiB more resident"
    );
    assert!(known <= MAX_KNOWN && unknown <= MAX_UNKNOWN && grown < 16 * 1024);
}
