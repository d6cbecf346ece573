//! Tests of `cache::responses`.

use super::*;

fn response(body: &str) -> CachedResponse {
    CachedResponse { body: body.to_owned().into(), version: None, headers: Vec::new() }
}

#[test]
fn response_is_stale_after_the_epoch_changed() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.confirm_epoch(5, now);
    cache.insert("q", response("a"), cache.epoch(), now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("a")));
    assert_eq!(cache.get("other", now), CacheLookup::Miss);
    cache.confirm_epoch(6, now);
    assert_eq!(cache.get("q", now), CacheLookup::Stale(response("a"), Duration::ZERO));
}

#[test]
fn response_is_stale_while_the_epoch_is_unconfirmed() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.insert("q", response("a"), 0, now);
    assert!(matches!(cache.get("q", now), CacheLookup::Stale(..)));
    cache.confirm_epoch(0, now);
    assert!(matches!(cache.get("q", now + EPOCH_MAX_AGE), CacheLookup::Fresh(_)));
    let later = now + EPOCH_MAX_AGE + Duration::from_secs(1);
    assert!(matches!(cache.get("q", later), CacheLookup::Stale(..)));
    assert_eq!(cache.get("q", now + MAX_AGE), CacheLookup::Miss);
}

#[test]
fn slow_read_does_not_replace_a_newer_response() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    cache.confirm_epoch(1, now);
    let slow = cache.epoch();
    cache.confirm_epoch(2, now);
    cache.insert("q", response("new"), cache.epoch(), now);
    cache.insert("q", response("old"), slow, now);
    assert_eq!(cache.get("q", now), CacheLookup::Fresh(response("new")));
}

#[test]
fn cache_is_bounded_in_bytes() {
    let (cache, now) = (ResponseCache::default(), Instant::now());
    for number in 0..300 {
        cache.insert(&number.to_string(), response(&"x".repeat(1024 * 1024)), 0, now);
    }
    cache.entries.run_pending_tasks();
    assert!(cache.entries.weighted_size() <= MAX_BYTES);
}
