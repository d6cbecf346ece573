//! Tests of `cache::responses`.

use super::*;

fn response(body: &str) -> CachedResponse {
    CachedResponse { body: body.to_owned().into(), version: None, headers: Vec::new() }
}

#[test]
fn response_is_stale_after_the_epoch_changed() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(5, now);
    cache.insert("q", response("a"), cache.epoch(), now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("a")));
    assert_eq!(cache.get("other", now), CacheLookup::Miss);
    cache.apply_notified_epoch(6, now);
    assert_eq!(cache.get("q", now), CacheLookup::Stale(response("a"), Duration::ZERO));
}

#[test]
fn response_is_stale_while_the_epoch_is_unconfirmed() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.insert("q", response("a"), cache.epoch(), now);
    assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)));
    cache.apply_notified_epoch(0, now);
    assert!(matches!(cache.get("q", now + EPOCH_MAX_AGE), CacheLookup::Fresh(_)));
    let later = now + EPOCH_MAX_AGE + Duration::from_secs(1);
    assert!(matches!(cache.get("q", later), CacheLookup::Stale(..)));
    assert_eq!(cache.get("q", now + MAX_AGE), CacheLookup::Miss);
}

#[test]
fn slow_read_does_not_replace_a_newer_response() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(1, now);
    let slow = cache.epoch();
    cache.apply_notified_epoch(2, now);
    cache.insert("q", response("new"), cache.epoch(), now);
    cache.insert("q", response("old"), slow, now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("new")));
}

#[test]
fn cache_is_bounded_in_bytes() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    for number in 0..300 {
        let body = response(&"x".repeat(1024 * 1024));
        cache.insert(&number.to_string(), body, cache.epoch(), now);
    }
    assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&cache.bytes()), "{}", cache.bytes());
    assert!(matches!(cache.get("299", now), CacheLookup::Stale(..)), "the latest one");
}

#[test]
fn nothing_cached_before_a_new_incarnation_is_fresh() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(5, now);
    let slow = cache.epoch();
    cache.insert("q", response("old"), slow, now);
    cache.start_incarnation();
    assert_eq!(cache.get("q", now), CacheLookup::Stale(response("old"), Duration::ZERO));
    // A read that began before it is stale, too, although the number is the same.
    cache.insert("p", response("old"), slow, now);
    assert!(matches!(cache.get("p", now), CacheLookup::Stale(..)));
    cache.insert("q", response("new"), cache.epoch(), now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("new")));
    cache.insert("q", response("old"), slow, now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("new")));
}

#[test]
fn lower_polled_epoch_starts_an_incarnation_unless_a_notification_overtook_the_poll() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(10, now);
    let polled = cache.epoch();
    cache.apply_notified_epoch(12, now);
    cache.insert("q", response("a"), cache.epoch(), now);
    cache.apply_polled_epoch(11, polled, now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("a")));
    // A restored backup: lower than what was known when the poll was sent.
    let polled = cache.epoch();
    cache.apply_polled_epoch(7, polled, now);
    assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)));
    cache.insert("q", response("b"), cache.epoch(), now);
    cache.apply_notified_epoch(8, now);
    assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)), "the lower counter counts");
    // The result of a poll from before the incarnation is from the other side of the restore.
    cache.insert("q", response("c"), cache.epoch(), now);
    cache.apply_polled_epoch(12, polled, now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("c")));
}

#[test]
fn change_under_a_lower_epoch_makes_older_responses_stale() {
    // From 10, the counter went back to 4, or to a value from which the change reaches 10 again.
    for (locked, committed) in [(4, 5), (9, 10)] {
        let (cache, now) = (ResponseCache::default(), Instant::now());
        cache.apply_notified_epoch(10, now);
        cache.insert("q", response("old"), cache.epoch(), now);
        cache.apply_committed_epoch((locked, committed), cache.epoch(), now);
        assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)), "{locked}");
        cache.insert("q", response("new"), cache.epoch(), now);
        assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("new")));
        // The next change is applied as usual.
        cache.apply_committed_epoch((committed, committed + 1), cache.epoch(), now);
        assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)));
    }
}

#[test]
fn change_that_overlaps_a_new_incarnation_leaves_nothing_fresh() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(10, now);
    let before = cache.epoch();
    cache.start_incarnation();
    cache.insert("q", response("before the change"), cache.epoch(), now);
    cache.apply_committed_epoch((3, 4), before, now);
    assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)));
}

#[test]
fn change_that_changed_nothing_keeps_responses_fresh() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.apply_notified_epoch(10, now);
    cache.insert("q", response("a"), cache.epoch(), now);
    cache.apply_committed_epoch((10, 10), cache.epoch(), now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("a")));
}
