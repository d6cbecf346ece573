//! Tests of `rate_limit::caller_windows`.

use super::*;

#[test]
fn processes_share_a_quota_and_failed_exchange_is_retried() {
    let (quota, now) = (Quota { limit: 10, window: 60_000 }, 1_800_000_000_000);
    let (first, second) = (CallerWindows::default(), CallerWindows::default());
    let caller = CallerId::Key(Uuid::now_v7());
    for _ in 0..6 {
        first.reserve(caller, quota, now).unwrap();
    }
    first.retry_exchange(first.take_batch(quota.window, now));
    let batch = first.take_batch(quota.window, now);
    let others: HashMap<_, _> =
        [(caller, batch.unsent.iter().map(|(_, slot)| *slot).collect())].into();
    first.complete_exchange(batch, HashMap::new(), quota.window, now);
    let next = first.take_batch(quota.window, now);
    assert!(next.callers.is_empty(), "nothing to exchange without requests");
    second.reserve(caller, quota, now).unwrap();
    let batch = second.take_batch(quota.window, now);
    second.complete_exchange(batch, others, quota.window, now);
    let admitted = (0..10).filter(|_| second.reserve(caller, quota, now).is_ok()).count();
    assert_eq!(admitted, 3);
    assert!(second.reserve(caller, quota, now + 61_001).is_ok());
}

#[test]
fn released_hit_of_a_caller_is_free_again() {
    let (quota, windows) = (Quota { limit: 1, window: 60_000 }, CallerWindows::default());
    let caller = CallerId::User(Uuid::now_v7());
    assert!(
        windows.reserve(caller, quota, 5).is_ok() && windows.reserve(caller, quota, 6).is_err()
    );
    windows.release(caller, 5);
    assert!(windows.reserve(caller, quota, 6).is_ok());
}

#[test]
fn callers_of_an_exchange_are_bounded() {
    let (quota, windows) = (Quota { limit: 1, window: 60_000 }, CallerWindows::default());
    for _ in 0..MAX_BATCH + 5 {
        let _ = windows.reserve(CallerId::User(Uuid::now_v7()), quota, 5);
    }
    assert_eq!(windows.take_batch(quota.window, 5).callers.len(), MAX_BATCH);
}

#[test]
fn first_slot_that_counts_began_a_slot_before_the_window() {
    assert_eq!(first_slot(60_000, 1_000_000), 939_000);
}

#[test]
fn callers_are_named_by_kind_and_id() {
    let id = Uuid::from_u128(7);
    assert_eq!(CallerId::Key(id).to_string(), format!("key {id}"));
    assert_eq!(CallerId::User(id).to_string(), format!("user {id}"));
}
