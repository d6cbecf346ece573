//! Tests of `cache::sessions`.

use super::*;

const EVA: SessionKey = (Uuid::from_u128(1), Uuid::from_u128(10));
const BOB: SessionKey = (Uuid::from_u128(2), Uuid::from_u128(20));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn cached<T: Copy + Send + Sync>(cache: &SessionCache<T>, session: SessionKey) -> Option<T> {
    cache.get(session).map(|value| *value)
}

#[test]
fn invalidation_removes_affected_sessions_only() {
    let cache = SessionCache::<&str>::default();
    let second_session_of_eva = (EVA.0, Uuid::from_u128(11));
    for (session, name) in [(EVA, "eva"), (second_session_of_eva, "eva"), (BOB, "bob")] {
        cache.insert(session, name, cache.epoch());
    }
    cache.invalidate(InvalidationScope::Key(EVA.0), at(0));
    assert_eq!(cached(&cache, EVA), Some("eva"));
    cache.invalidate(InvalidationScope::Sessions(EVA.0), at(0));
    assert_eq!((cached(&cache, EVA), cached(&cache, second_session_of_eva)), (None, None));
    assert_eq!(cached(&cache, BOB), Some("bob"));
    cache.insert(EVA, "eva", cache.epoch());
    cache.invalidate(InvalidationScope::All, at(0));
    assert_eq!((cached(&cache, EVA), cached(&cache, BOB)), (None, None));
    cache.insert(EVA, "eva", cache.epoch());
    assert_eq!(cached(&cache, EVA), Some("eva"), "later lookups are cached again");
}

#[test]
fn lookup_that_overlaps_its_invalidation_is_not_cached() {
    let cache = SessionCache::<&str>::default();
    let before = cache.epoch();
    cache.invalidate(InvalidationScope::User(BOB.0), at(0));
    cache.invalidate(InvalidationScope::Key(Uuid::from_u128(3)), at(0));
    cache.insert(EVA, "eva", before);
    cache.insert(BOB, "bob", before);
    assert_eq!((cached(&cache, EVA), cached(&cache, BOB)), (Some("eva"), None));
    cache.invalidate(InvalidationScope::All, at(0));
    cache.insert(EVA, "eva", before);
    assert_eq!(cached(&cache, EVA), None);
}

#[test]
fn lookup_older_than_the_invalidation_log_is_not_cached() {
    let cache = SessionCache::<&str>::default();
    let before = cache.epoch();
    cache.invalidate(InvalidationScope::User(EVA.0), at(0));
    for other in 0..MAX_LOGGED {
        cache.invalidate(InvalidationScope::User(Uuid::from_u128(1000 + other as u128)), at(0));
    }
    cache.insert(EVA, "eva", before);
    assert_eq!(cached(&cache, EVA), None);
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
                cache.invalidate(InvalidationScope::User(EVA.0), at(0));
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
    assert!(cached(&cache, EVA).is_none_or(|cached| cached == version.load(Ordering::SeqCst)));
}

#[test]
fn ended_sessions_are_known_by_the_database_or_by_an_invalidation_since_their_token() {
    let cache = SessionCache::<&str>::default();
    assert!(!cache.may_have_ended(EVA, at(0)));
    // Not confirmed by the database, then confirmed again.
    cache.remove(EVA);
    assert!(cache.may_have_ended(EVA, at(0)) && !cache.may_have_ended(BOB, at(0)));
    cache.insert(EVA, "eva", cache.epoch());
    assert!(!cache.may_have_ended(EVA, at(0)));
    // Invalidated: tokens from before may have ended, later ones have not.
    for scope in
        [InvalidationScope::User(EVA.0), InvalidationScope::Sessions(EVA.0), InvalidationScope::All]
    {
        let cache = SessionCache::<&str>::default();
        cache.invalidate(InvalidationScope::Key(EVA.0), at(50));
        cache.invalidate(InvalidationScope::User(BOB.0), at(50));
        assert!(!cache.may_have_ended(EVA, at(0)));
        cache.invalidate(scope, at(10));
        assert!(cache.may_have_ended(EVA, at(9)) && cache.may_have_ended(EVA, at(10)));
        assert!(!cache.may_have_ended(EVA, at(11)));
    }
}

#[test]
fn token_older_than_the_invalidation_log_may_have_ended() {
    let cache = SessionCache::<&str>::default();
    for other in 0..=MAX_LOGGED {
        let scope = InvalidationScope::User(Uuid::from_u128(1000 + other as u128));
        cache.invalidate(scope, at(i64::try_from(other).unwrap()));
    }
    assert!(cache.may_have_ended(EVA, at(0)));
    assert!(!cache.may_have_ended(EVA, at(1)));
}

/// A lookup that read the session before its revocation must not end the record of it.
#[test]
fn ended_session_stays_known_after_an_outdated_lookup() {
    let cache = SessionCache::<&str>::default();
    let before = cache.epoch();
    cache.invalidate(InvalidationScope::Sessions(EVA.0), at(0));
    cache.remove(EVA);
    cache.insert(EVA, "eva", before);
    assert!(cached(&cache, EVA).is_none() && cache.may_have_ended(EVA, at(1)));
}
