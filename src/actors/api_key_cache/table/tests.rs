//! Tests of `actors::api_key_cache::table`.

// A test prints the memory that it measured.
#![allow(clippy::print_stderr)]

use super::*;
use crate::actors::api_key_cache::test_keys::{hash, id, key_identity, known};

#[test]
fn invalidation_removes_the_entries_in_its_scope() {
    let now = Instant::now();
    let table = KeyTable::new(now);
    (0..6).for_each(|key| table.insert(hash(key), Some(known(key)), now));
    table.insert(hash(9), None, now);
    let is_known = |key| matches!(table.get(&hash(key), now), KeyLookup::Hit(_));
    table.invalidate(InvalidationScope::Sessions(key_identity(0).user_id));
    assert!((0..6).all(is_known));
    table.invalidate(InvalidationScope::Key(id(0)));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, true, true, true, true]);
    table.invalidate(InvalidationScope::User(key_identity(2).user_id));
    assert_eq!((0..6).map(is_known).collect::<Vec<_>>(), [false, true, false, false, true, true]);
    assert!(matches!(table.get(&hash(9), now), KeyLookup::Negative));
    assert!(matches!(table.get(&hash(9), now + NEGATIVE_TTL), KeyLookup::Miss));
    table.invalidate(InvalidationScope::All);
    assert_eq!(table.sizes(), (0, 0));
}

#[test]
fn key_is_no_hit_while_a_transaction_changes_it() {
    let now = Instant::now();
    let table = KeyTable::new(now);
    (0..2).for_each(|key| table.insert(hash(key), Some(known(key)), now));
    let is_changing = |key| matches!(table.get(&hash(key), now), KeyLookup::Changing);
    table.begin_change(InvalidationScope::Key(id(0)));
    table.begin_change(InvalidationScope::Key(id(0)));
    assert!(is_changing(0) && !is_changing(1));
    table.end_change(InvalidationScope::Key(id(0)));
    assert!(is_changing(0), "two changes, one of them ended");
    table.end_change(InvalidationScope::Key(id(0)));
    assert!(!is_changing(0));
}

#[test]
fn freshness_decreases_with_the_age_of_the_epoch() {
    let now = Instant::now();
    let table = KeyTable::new(now);
    assert_eq!(table.freshness(now), Freshness::Unknown);
    table.confirm_epoch(now);
    let later = Duration::from_millis(1);
    for (after, freshness) in [
        (FRESH_FOR, Freshness::Fresh),
        (FRESH_FOR + later, Freshness::Doubtful),
        (USABLE_FOR, Freshness::Doubtful),
        (USABLE_FOR + later, Freshness::Unknown),
    ] {
        assert_eq!(table.freshness(now + after), freshness, "{after:?}");
    }
}

/// A key in use stays cached while a million other hashes pass through.
#[test]
#[ignore = "measures the whole process: scripts/test runs it alone"]
fn memory_is_bounded_after_a_million_unknown_keys() {
    let now = Instant::now();
    let table = KeyTable::new(now);
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
            assert!(matches!(table.get(&hash(7), now), KeyLookup::Hit(_)));
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
