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
