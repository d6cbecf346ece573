//! Tests of `rate_limit::caller_windows`.

use super::*;

#[test]
fn two_processes_learn_of_each_other_and_a_failed_exchange_is_made_again() {
    let (quota, now) = (Quota { most: 10, window: 60_000 }, 1_800_000_000_000);
    let (first, second, caller) =
        (Callers::default(), Callers::default(), CallerId::Key(Uuid::now_v7()));
    for _ in 0..6 {
        first.reserve(caller, quota, now).unwrap();
    }
    first.failed(first.batch(quota.window, now));
    let batch = first.batch(quota.window, now);
    let others: HashMap<_, _> =
        [(caller, batch.unsent.iter().map(|(_, slot)| *slot).collect())].into();
    first.exchanged(batch, HashMap::new(), quota.window, now);
    assert!(first.batch(quota.window, now).callers.is_empty(), "nothing to do without requests");
    second.reserve(caller, quota, now).unwrap();
    second.exchanged(second.batch(quota.window, now), others, quota.window, now);
    let through = (0..10).filter(|_| second.reserve(caller, quota, now).is_ok()).count();
    assert_eq!(through, 3);
    assert!(second.reserve(caller, quota, now + 61_001).is_ok());
}
