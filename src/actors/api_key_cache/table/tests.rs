//! Tests of `actors::api_key_cache::table`.

// A test prints the memory that it measured.
#![allow(clippy::print_stderr)]

use super::*;
use crate::actors::api_key_cache::test_keys::{hash, id, key_identity, known};
use crate::cache::permissions::{FRESH_FOR, USABLE_FOR};

const SECOND: Duration = Duration::from_secs(1);

fn confirmed_table(now: Instant) -> KeyTable {
    let table = KeyTable::new(now);
    table.freshness.confirm_epoch(now);
    table
}

/// What is cached for a key, by name.
fn state(table: &KeyTable, key: u32, now: Instant) -> &'static str {
    match table.get(&hash(key), now) {
        KeyLookup::Fresh(_) => "fresh",
        KeyLookup::Doubtful(_) => "doubtful",
        KeyLookup::Changing => "changing",
        KeyLookup::Negative => "negative",
        KeyLookup::Miss => "miss",
    }
}

#[test]
fn invalidation_removes_the_entries_in_its_scope() {
    let now = Instant::now();
    let table = confirmed_table(now);
    (0..6).for_each(|key| table.insert(hash(key), Some(known(key)), now));
    table.insert(hash(9), None, now);
    let is_known = |key| matches!(table.get(&hash(key), now), KeyLookup::Fresh(_));
    table.invalidate(InvalidationScope::Sessions(key_identity(0).user_id));
    assert!((0..6).all(is_known));
    table.invalidate(InvalidationScope::Key(id(0)));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, true, true, true, true]);
    table.invalidate(InvalidationScope::User(key_identity(2).user_id));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, false, false, true, true]);
    assert!(matches!(table.get(&hash(9), now), KeyLookup::Negative));
    table.freshness.confirm_epoch(now + NEGATIVE_TTL);
    assert!(matches!(table.get(&hash(9), now + NEGATIVE_TTL), KeyLookup::Miss));
    table.invalidate(InvalidationScope::All);
    assert_eq!(table.sizes(), (0, 0));
    assert!((0..10).all(|key| matches!(table.get(&hash(key), now), KeyLookup::Miss)));
    // What is read afterwards is fresh.
    table.insert(hash(0), Some(known(0)), now);
    assert!(is_known(0));
}

#[test]
fn key_is_no_hit_while_a_transaction_changes_it() {
    let now = Instant::now();
    let table = confirmed_table(now);
    (0..2).for_each(|key| table.insert(hash(key), Some(known(key)), now));
    let is_changing = |key| matches!(table.get(&hash(key), now), KeyLookup::Changing);
    table.freshness.begin_change(InvalidationScope::Key(id(0)));
    table.freshness.begin_change(InvalidationScope::Key(id(0)));
    assert!(is_changing(0) && !is_changing(1));
    table.freshness.end_change(InvalidationScope::Key(id(0)));
    assert!(is_changing(0), "two changes, one of them ended");
    table.freshness.end_change(InvalidationScope::Key(id(0)));
    assert!(!is_changing(0));
}

#[test]
fn freshness_decreases_with_the_age_of_the_confirmation() {
    let start = Instant::now();
    let table = KeyTable::new(start);
    let ms = Duration::from_millis(1);
    table.insert(hash(1), Some(known(1)), start);
    table.insert(hash(9), None, start);
    // Before the first epoch, the lookup of the key is its only confirmation.
    assert_eq!(state(&table, 1, start), "doubtful");
    assert_eq!(state(&table, 1, start + USABLE_FOR + ms), "miss");
    assert_eq!(state(&table, 9, start), "miss", "no negative entry is doubtful");
    let confirmed = start + SECOND;
    table.freshness.confirm_epoch(confirmed);
    for (after, expected) in [
        (FRESH_FOR, "fresh"),
        (FRESH_FOR + ms, "doubtful"),
        (USABLE_FOR, "doubtful"),
        (USABLE_FOR + ms, "miss"),
    ] {
        assert_eq!(state(&table, 1, confirmed + after), expected, "{after:?}");
    }
    assert_eq!(state(&table, 9, confirmed + FRESH_FOR), "negative");
    assert_eq!(state(&table, 9, confirmed + FRESH_FOR + ms), "miss");
}

#[test]
fn new_incarnation_makes_entries_doubtful_until_they_are_read_again() {
    let start = Instant::now();
    let table = confirmed_table(start);
    (0..4).for_each(|key| table.insert(hash(key), Some(known(key)), start));
    table.insert(hash(9), None, start);
    table.freshness.start_incarnation();
    assert_eq!(table.freshness.incarnation(), 1);
    assert_eq!(state(&table, 0, start), "doubtful");
    assert_eq!(state(&table, 9, start), "miss");
    // An invalidation between the incarnation and the verification removes at once.
    table.invalidate(InvalidationScope::User(key_identity(2).user_id));
    assert_eq!((state(&table, 0, start), state(&table, 2, start)), ("doubtful", "miss"));
    // The database's answer is fresh, the other entries stay doubtful.
    table.insert(hash(0), Some(known(0)), start);
    assert_eq!((state(&table, 0, start), state(&table, 1, start)), ("fresh", "doubtful"));
    // Later confirmations do not count for entries of an earlier incarnation.
    let later = start + USABLE_FOR + SECOND;
    table.freshness.confirm_epoch(later);
    assert_eq!((state(&table, 0, later), state(&table, 1, later)), ("fresh", "miss"));
}

#[test]
fn several_incarnations_keep_the_last_confirmation_of_each_entry() {
    let start = Instant::now();
    let table = confirmed_table(start);
    table.insert(hash(0), Some(known(0)), start);
    // A key that was cached long ago, under an epoch that was confirmed until now.
    let outage = start + 5 * USABLE_FOR;
    table.freshness.confirm_epoch(outage);
    assert_eq!(state(&table, 0, outage), "fresh");
    for number in 1..=100 {
        table.freshness.start_incarnation();
        assert_eq!(table.freshness.incarnation(), number);
    }
    assert_eq!(state(&table, 0, outage + USABLE_FOR), "doubtful");
    assert_eq!(state(&table, 0, outage + USABLE_FOR + SECOND), "miss");
}

/// The first, the key that is used, stays, and a new one is cached.
#[test]
fn keys_that_are_not_used_are_evicted() {
    let now = Instant::now();
    let table = confirmed_table(now);
    for number in 0..u32::try_from(2 * MAX_KEYS).unwrap() {
        table.insert(hash(number), Some(known(number)), now);
        assert_eq!(state(&table, 0, now), "fresh", "{number}");
    }
    assert_eq!(table.sizes(), (MAX_KEYS, 0));
    let last = u32::try_from(2 * MAX_KEYS - 1).unwrap();
    assert_eq!(state(&table, last, now), "fresh");
}

/// A key in use stays cached while a million other hashes pass through.
#[test]
#[ignore = "measures the whole process: scripts/test runs it alone"]
fn memory_is_bounded_after_a_million_unknown_keys() {
    let now = Instant::now();
    let table = confirmed_table(now);
    table.insert(hash(7), Some(known(7)), now);
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
        assert!(matches!(table.get(&unknown, now), KeyLookup::Miss));
        table.insert(unknown, None, now);
        if number < 50_000 {
            table.insert(hash(number + 2_000_000), Some(known(number)), now);
            assert!(matches!(table.get(&hash(7), now), KeyLookup::Fresh(_)));
        }
    }
    let (known, unknown) = table.sizes();
    let grown = resident().saturating_sub(before);
    eprintln!(
        "1,000,000 unknown and 50,000 known keys: {unknown} and {known} cached, \
         {grown} KiB more resident"
    );
    assert!(known <= MAX_KEYS && unknown <= MAX_NEGATIVE_ENTRIES && grown < 16 * 1024);
}

#[test]
fn applied_epoch_is_what_was_set_last() {
    let table = KeyTable::new(Instant::now());
    assert_eq!(table.applied_epoch(), None);
    for epoch in [Some(7), Some(0), None] {
        table.set_applied_epoch(epoch);
        assert_eq!(table.applied_epoch(), epoch);
    }
}

#[test]
fn change_of_a_key_is_known_until_it_ends() {
    let table = KeyTable::new(Instant::now());
    let change = InvalidationScope::Key(id(0));
    assert!(!table.is_changing(&known(0)));
    table.freshness.begin_change(change);
    assert!(table.is_changing(&known(0)) && !table.is_changing(&known(1)));
    table.freshness.end_change(change);
    assert!(!table.is_changing(&known(0)));
}
