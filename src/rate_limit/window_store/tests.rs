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
    let shield = Shield::<u128>::new(Quota { most: 100, window: 900_000 });
    let before = resident();
    for address in 0..5_000_000_u128 {
        assert!(shield.reserve(address << 64, 1_800_000_000_000).is_ok());
    }
    // And some that use all they have.
    for address in 0..20_000_u128 {
        for hit in 0..100 {
            assert!(shield.reserve(address, 1_800_000_000_000 + hit).is_ok());
        }
    }
    let grown = resident().saturating_sub(before);
    eprintln!("5,000,000 addresses: {} remembered, {grown} KiB more resident", shield.len());
    assert!(grown < 64 * 1024);
}
