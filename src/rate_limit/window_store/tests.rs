//! Tests of `rate_limit::window_store`.

use super::*;

/// Resident memory in KiB.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

#[test]
#[ignore = "measures the whole process: scripts/test runs it alone"]
fn five_million_addresses_stay_under_64_mib() {
    let store = WindowStore::<u128>::new(Quota { limit: 100, window: 900_000 });
    let before = resident();
    for address in 0..5_000_000_u128 {
        assert!(store.reserve(address << 64, 1_800_000_000_000).is_ok());
    }
    // Some addresses use their whole quota.
    for address in 0..20_000_u128 {
        for hit in 0..100 {
            assert!(store.reserve(address, 1_800_000_000_000 + hit).is_ok());
        }
    }
    let grown = resident().saturating_sub(before);
    eprintln!("5,000,000 addresses: {} in the store, {grown} KiB more resident", store.len());
    assert!(grown < 64 * 1024);
}

const QUOTA: Quota = Quota { limit: 2, window: 60_000 };

#[test]
fn released_and_removed_hits_of_a_client_are_free_again() {
    let store = WindowStore::new(QUOTA);
    let reserve = |client, now| store.reserve(client, now).is_ok();
    assert_eq!([1, 2, 3].map(|now| reserve("a", now)), [true, true, false]);
    store.release("a", 1);
    assert_eq!([4, 5].map(|now| reserve("a", now)), [true, false]);
    store.retain("a", &[2]);
    assert_eq!([6, 7].map(|now| reserve("a", now)), [true, false]);
    assert!(reserve("b", 7), "another client");
}

#[test]
fn clients_are_spread_over_all_shards() {
    let store = WindowStore::new(QUOTA);
    (0..1_000).for_each(|client| assert!(store.reserve(client, 1).is_ok()));
    assert_eq!(store.len(), 1_000);
    let sizes = store.shards.iter().map(|shard| shard.lock().unwrap().len());
    assert!(sizes.clone().all(|size| size > 0), "{:?}", sizes.collect::<Vec<_>>());
}
