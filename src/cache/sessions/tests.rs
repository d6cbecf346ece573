//! Tests of `cache::sessions`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::log::MAX_LOGGED;
use super::*;
use crate::cache::permissions::{FRESH_FOR, USABLE_FOR};

const EVA: SessionKey = (Uuid::from_u128(1), Uuid::from_u128(10));
const BOB: SessionKey = (Uuid::from_u128(2), Uuid::from_u128(20));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn empty<T: Copy + Send + Sync>() -> SessionCache<T> {
    SessionCache::new(Arc::new(PermissionFreshness::new(Instant::now())))
}

fn begin<T: Copy + Send + Sync>(cache: &SessionCache<T>) -> SessionRead {
    cache.begin_lookup(Instant::now())
}

fn cached<T: Copy + Send + Sync>(cache: &SessionCache<T>, session: SessionKey) -> Option<T> {
    match cache.get(session, Instant::now()) {
        SessionLookup::Fresh(value) | SessionLookup::Doubtful(value) => Some(value),
        SessionLookup::Changing | SessionLookup::Miss => None,
    }
}

#[test]
fn invalidation_removes_affected_sessions_only() {
    let cache = empty::<&str>();
    let second_session_of_eva = (EVA.0, Uuid::from_u128(11));
    for (session, name) in [(EVA, "eva"), (second_session_of_eva, "eva"), (BOB, "bob")] {
        cache.insert(session, name, begin(&cache));
    }
    cache.invalidate(InvalidationScope::Key(EVA.0), at(0));
    assert_eq!(cached(&cache, EVA), Some("eva"));
    cache.invalidate(InvalidationScope::Sessions(EVA.0), at(0));
    assert_eq!((cached(&cache, EVA), cached(&cache, second_session_of_eva)), (None, None));
    assert_eq!(cached(&cache, BOB), Some("bob"));
    cache.insert(EVA, "eva", begin(&cache));
    cache.invalidate(InvalidationScope::All, at(0));
    assert_eq!((cached(&cache, EVA), cached(&cache, BOB)), (None, None));
    cache.insert(EVA, "eva", begin(&cache));
    assert_eq!(cached(&cache, EVA), Some("eva"), "later lookups are cached again");
}

#[test]
fn lookup_that_overlaps_its_invalidation_is_not_cached() {
    let cache = empty::<&str>();
    let before = begin(&cache);
    cache.invalidate(InvalidationScope::User(BOB.0), at(0));
    cache.invalidate(InvalidationScope::Key(Uuid::from_u128(3)), at(0));
    assert!(cache.insert(EVA, "eva", before.clone()));
    assert!(!cache.insert(BOB, "bob", before.clone()), "it may be outdated");
    assert_eq!((cached(&cache, EVA), cached(&cache, BOB)), (Some("eva"), None));
    cache.invalidate(InvalidationScope::All, at(0));
    cache.insert(EVA, "eva", before);
    assert_eq!(cached(&cache, EVA), None);
}

#[test]
fn lookup_older_than_the_invalidation_log_is_not_cached() {
    let cache = empty::<&str>();
    let before = begin(&cache);
    cache.invalidate(InvalidationScope::User(EVA.0), at(0));
    for other in 0..MAX_LOGGED {
        cache.invalidate(InvalidationScope::User(Uuid::from_u128(1000 + other as u128)), at(0));
    }
    cache.insert(EVA, "eva", before);
    assert_eq!(cached(&cache, EVA), None);
}

#[test]
fn concurrent_insertions_and_invalidations_leave_no_stale_session() {
    let cache = empty::<u64>();
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
                    let start = begin(&cache);
                    cache.insert(EVA, version.load(Ordering::SeqCst), start);
                }
            });
        }
    });
    assert!(cached(&cache, EVA).is_none_or(|cached| cached == version.load(Ordering::SeqCst)));
}

#[test]
fn ended_sessions_are_known_by_the_database_or_by_an_invalidation_since_their_token() {
    let cache = empty::<&str>();
    assert!(!cache.may_have_ended(EVA, at(0)));
    // Not confirmed by the database, then confirmed again.
    cache.remove(EVA);
    assert!(cache.may_have_ended(EVA, at(0)) && !cache.may_have_ended(BOB, at(0)));
    cache.insert(EVA, "eva", begin(&cache));
    assert!(!cache.may_have_ended(EVA, at(0)));
    // Invalidated: tokens from before may have ended, later ones have not.
    for scope in
        [InvalidationScope::User(EVA.0), InvalidationScope::Sessions(EVA.0), InvalidationScope::All]
    {
        let cache = empty::<&str>();
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
    let cache = empty::<&str>();
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
    let cache = empty::<&str>();
    let before = begin(&cache);
    cache.invalidate(InvalidationScope::Sessions(EVA.0), at(0));
    cache.remove(EVA);
    cache.insert(EVA, "eva", before);
    assert!(cached(&cache, EVA).is_none() && cache.may_have_ended(EVA, at(1)));
}

/// What is cached for Eva, by name.
fn state(cache: &SessionCache<&str>, now: Instant) -> &'static str {
    match cache.get(EVA, now) {
        SessionLookup::Fresh(_) => "fresh",
        SessionLookup::Doubtful(_) => "doubtful",
        SessionLookup::Changing => "changing",
        SessionLookup::Miss => "miss",
    }
}

#[test]
fn freshness_decreases_with_the_age_of_the_confirmation() {
    let (start, ms) = (Instant::now(), Duration::from_millis(1));
    let freshness = Arc::new(PermissionFreshness::new(start));
    let cache = SessionCache::new(Arc::clone(&freshness));
    assert_eq!(state(&cache, start), "miss");
    cache.insert(EVA, "eva", cache.begin_lookup(start));
    assert_eq!(state(&cache, start), "doubtful", "no epoch was confirmed yet");
    freshness.confirm_epoch(start + ms);
    for (after, expected) in [
        (FRESH_FOR, "fresh"),
        (FRESH_FOR + ms, "doubtful"),
        (USABLE_FOR, "doubtful"),
        (USABLE_FOR + ms, "miss"),
    ] {
        assert_eq!(state(&cache, start + ms + after), expected, "{after:?}");
    }
}

#[test]
fn session_is_no_hit_while_a_transaction_changes_its_user() {
    let start = Instant::now();
    let freshness = Arc::new(PermissionFreshness::new(start));
    let cache = SessionCache::new(Arc::clone(&freshness));
    freshness.confirm_epoch(start);
    cache.insert(EVA, "eva", cache.begin_lookup(start));
    for (scope, expected) in [
        (InvalidationScope::Sessions(EVA.0), "changing"),
        (InvalidationScope::User(EVA.0), "changing"),
        (InvalidationScope::All, "changing"),
        (InvalidationScope::User(BOB.0), "fresh"),
        (InvalidationScope::Key(EVA.0), "fresh"),
    ] {
        freshness.begin_change(scope);
        assert_eq!(state(&cache, start), expected, "{scope:?}");
        freshness.end_change(scope);
        assert_eq!(state(&cache, start), "fresh", "{scope:?}");
    }
}

/// Invalidation events may have been missed since then.
#[test]
fn lookup_counts_for_the_incarnation_in_which_it_began() {
    let start = Instant::now();
    let freshness = Arc::new(PermissionFreshness::new(start));
    let cache = SessionCache::new(Arc::clone(&freshness));
    freshness.confirm_epoch(start);
    let before = cache.begin_lookup(start);
    freshness.start_incarnation();
    cache.insert(EVA, "eva", before.clone());
    assert_eq!(state(&cache, start), "doubtful");
    cache.insert(EVA, "eva", cache.begin_lookup(start));
    assert_eq!(state(&cache, start), "fresh");
    // Events are proven to be missing: what was read before is not even used in an outage.
    let between = cache.begin_lookup(start);
    freshness.remove_all();
    assert_eq!(state(&cache, start), "miss");
    for outdated in [before, between] {
        cache.insert(EVA, "eva", outdated);
        assert_eq!(state(&cache, start), "miss");
    }
    cache.insert(EVA, "eva", cache.begin_lookup(start));
    assert_eq!(state(&cache, start), "fresh");
}
