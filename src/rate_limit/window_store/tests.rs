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
