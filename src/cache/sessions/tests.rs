//! Tests of `cache::sessions`.

use super::*;

const EVA: SessionKey = (Uuid::from_u128(1), Uuid::from_u128(10));
const BOB: SessionKey = (Uuid::from_u128(2), Uuid::from_u128(20));

#[test]
fn invalidation_removes_affected_sessions_only() {
    let cache = SessionCache::<&str>::default();
    let second_session_of_eva = (EVA.0, Uuid::from_u128(11));
    for (session, name) in [(EVA, "eva"), (second_session_of_eva, "eva"), (BOB, "bob")] {
        cache.insert(session, name, cache.epoch());
    }
    cache.invalidate(InvalidationScope::Key(EVA.0));
    assert_eq!(cache.get(EVA), Some("eva"));
    cache.invalidate(InvalidationScope::Sessions(EVA.0));
    assert_eq!((cache.get(EVA), cache.get(second_session_of_eva)), (None, None));
    assert_eq!(cache.get(BOB), Some("bob"));
    cache.insert(EVA, "eva", cache.epoch());
    cache.invalidate(InvalidationScope::All);
    assert_eq!((cache.get(EVA), cache.get(BOB)), (None, None));
    cache.insert(EVA, "eva", cache.epoch());
    assert_eq!(cache.get(EVA), Some("eva"), "later lookups are cached again");
}

#[test]
fn lookup_that_overlaps_its_invalidation_is_not_cached() {
    let cache = SessionCache::<&str>::default();
    let before = cache.epoch();
    cache.invalidate(InvalidationScope::User(BOB.0));
    cache.invalidate(InvalidationScope::Key(Uuid::from_u128(3)));
    cache.insert(EVA, "eva", before);
    cache.insert(BOB, "bob", before);
    assert_eq!((cache.get(EVA), cache.get(BOB)), (Some("eva"), None));
    cache.invalidate(InvalidationScope::All);
    cache.insert(EVA, "eva", before);
    assert_eq!(cache.get(EVA), None);
}

#[test]
fn lookup_older_than_the_invalidation_log_is_not_cached() {
    let cache = SessionCache::<&str>::default();
    let before = cache.epoch();
    cache.invalidate(InvalidationScope::User(EVA.0));
    for other in 0..MAX_LOGGED {
        cache.invalidate(InvalidationScope::User(Uuid::from_u128(1000 + other as u128)));
    }
    cache.insert(EVA, "eva", before);
    assert_eq!(cache.get(EVA), None);
}

#[test]
fn concurrent_insertions_and_invalidations_leave_no_stale_session() {
    let cache = SessionCache::<u64>::default();
    // The version in the database: raised before each invalidation, read by each lookup.
    let version = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2000 {
                version.fetch_add(1, Ordering::SeqCst);
                cache.invalidate(InvalidationScope::User(EVA.0));
            }
        });
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let epoch = cache.epoch();
                    cache.insert(EVA, version.load(Ordering::SeqCst), epoch);
                }
            });
        }
    });
    assert!(cache.get(EVA).is_none_or(|cached| cached == version.load(Ordering::SeqCst)));
}
