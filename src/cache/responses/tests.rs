//! Tests of `cache::responses`.

// A test prints the memory that it measured.
#![allow(clippy::print_stdout)]

use proptest::prelude::*;

use super::entry::ENTRY_OVERHEAD;
use super::*;
use crate::model::catalogue_event::{CatalogueEvent, ChangedItems};

const MAX_BYTES: u64 = 64 * 1024 * 1024;
const EPOCH_MAX_AGE: Duration = Duration::from_secs(10);
const PLAIN: BodyEncoding = BodyEncoding::Identity;

#[derive(Debug)]
struct Body(String);

impl WeighedResponse for Body {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

type Responses = ResponseCache<Body>;

fn cache() -> (Responses, Instant) {
    (ResponseCache::new(MAX_BYTES), Instant::now())
}

fn insert(cache: &Responses, key: &str, body: &str, epoch: CatalogueEpoch, now: Instant) {
    let entry = CachedEntry::new(Body(body.into()), Dependency::Catalogue, epoch, now);
    cache.insert(key, PLAIN, entry);
}

fn notify(cache: &Responses, epoch: i64, now: Instant) {
    cache.epochs.apply_notified(&CatalogueEvent::of_any_item(epoch), now);
}

/// The body that was found.
#[derive(Debug, PartialEq)]
enum Found {
    Fresh(String),
    Stale(String),
    Nothing,
}

fn get(cache: &Responses, key: &str, now: Instant) -> Found {
    match cache.get(key, PLAIN, now) {
        CacheLookup::Fresh(entry) => Found::Fresh(entry.response.0.clone()),
        CacheLookup::Stale(entry) => Found::Stale(entry.response.0.clone()),
        CacheLookup::Miss => Found::Nothing,
    }
}

fn fresh(body: &str) -> Found {
    Found::Fresh(body.into())
}

fn stale(body: &str) -> Found {
    Found::Stale(body.into())
}

#[test]
fn response_is_stale_after_the_epoch_changed() {
    let (cache, now) = cache();
    notify(&cache, 5, now);
    insert(&cache, "q", "a", cache.epochs.current(), now);
    assert_eq!(get(&cache, "q", now), fresh("a"));
    assert_eq!(get(&cache, "other", now), Found::Nothing);
    notify(&cache, 6, now);
    assert_eq!(get(&cache, "q", now), stale("a"));
}

#[test]
fn response_is_stale_while_the_epoch_is_unconfirmed() {
    let (cache, now) = cache();
    insert(&cache, "q", "a", cache.epochs.current(), now);
    assert_eq!(get(&cache, "q", now), stale("a"));
    notify(&cache, 0, now);
    assert_eq!(get(&cache, "q", now + EPOCH_MAX_AGE), fresh("a"));
    let later = now + EPOCH_MAX_AGE + Duration::from_secs(1);
    assert_eq!(get(&cache, "q", later), stale("a"));
    assert_eq!(get(&cache, "q", now + MAX_AGE), Found::Nothing);
}

/// Whether something could be sent during an outage.
#[test]
fn cache_is_empty_when_all_entries_are_too_old() {
    let (cache, now) = cache();
    assert!(cache.is_empty(now));
    insert(&cache, "q", "a", cache.epochs.current(), now);
    assert!(!cache.is_empty(now) && cache.is_empty(now + MAX_AGE));
}

#[test]
fn slow_read_does_not_replace_a_newer_response() {
    let (cache, now) = cache();
    notify(&cache, 1, now);
    let slow = cache.epochs.current();
    notify(&cache, 2, now);
    insert(&cache, "q", "new", cache.epochs.current(), now);
    insert(&cache, "q", "old", slow, now);
    assert_eq!(get(&cache, "q", now), fresh("new"));
}

#[test]
fn cache_is_bounded_in_bytes() {
    let (cache, now) = cache();
    for number in 0..300 {
        let body = "x".repeat(1024 * 1024);
        insert(&cache, &number.to_string(), &body, cache.epochs.current(), now);
    }
    assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&cache.bytes()), "{}", cache.bytes());
    assert!(get(&cache, "299", now) != Found::Nothing, "the latest one");
}

#[test]
fn cache_of_no_bytes_keeps_nothing() {
    let (cache, now) = (ResponseCache::new(0), Instant::now());
    notify(&cache, 1, now);
    for round in 0..3 {
        insert(&cache, "q", &format!("{round}"), cache.epochs.current(), now);
        assert_eq!(get(&cache, "q", now), Found::Nothing);
    }
    assert!(cache.is_empty(now) && cache.bytes() == 0);
}

#[test]
fn each_encoding_is_an_entry_and_a_hit_shares_it() {
    let (cache, now) = cache();
    notify(&cache, 1, now);
    insert(&cache, "q", "plain", cache.epochs.current(), now);
    let plain = cache.bytes();
    let CacheLookup::Fresh(entry) = cache.get("q", PLAIN, now) else { panic!("no entry") };
    assert!(matches!(cache.get("q", BodyEncoding::Gzip, now), CacheLookup::Miss));
    cache.insert("q", BodyEncoding::Gzip, entry.with_response(Body("zip".into())));
    let hit = || match cache.get("q", BodyEncoding::Gzip, now) {
        CacheLookup::Fresh(entry) => entry.response,
        other => panic!("{other:?}"),
    };
    assert_eq!(hit().0, "zip");
    assert!(std::sync::Arc::ptr_eq(&hit(), &hit()));
    assert_eq!(cache.bytes(), 2 * plain - 2, "both are weighed");
    notify(&cache, 2, now);
    assert!(matches!(cache.get("q", BodyEncoding::Gzip, now), CacheLookup::Stale(_)));
}

/// What the library itself allocates for small entries is at most what they weigh beside their
/// texts.
#[test]
fn overhead_of_an_entry_is_at_least_what_the_maps_take() {
    for entries in [100_u64, 10_000, 70_000, 130_000] {
        let (cache, now) = cache();
        for number in 0..entries {
            insert(&cache, &format!("{number}"), "", cache.epochs.current(), now);
        }
        let kept = cache.entries.len();
        // The counters of an `Arc`, and the key's allocation.
        let shared = kept * (2 * size_of::<usize>() + size_of::<Body>() + 16);
        let used = cache.entries.memory_used().total() + shared;
        println!("{kept} entries: {} bytes each", used / kept);
        assert!(used <= kept.max(128) * ENTRY_OVERHEAD, "{used} bytes for {kept} entries");
    }
}

#[test]
fn nothing_cached_before_a_new_incarnation_is_fresh() {
    let (cache, now) = cache();
    notify(&cache, 5, now);
    let slow = cache.epochs.current();
    insert(&cache, "q", "old", slow, now);
    cache.epochs.start_incarnation();
    assert_eq!(get(&cache, "q", now), stale("old"));
    // A read that began before it is stale, too, although the number is the same.
    insert(&cache, "p", "old", slow, now);
    assert_eq!(get(&cache, "p", now), stale("old"));
    insert(&cache, "q", "new", cache.epochs.current(), now);
    assert_eq!(get(&cache, "q", now), fresh("new"));
    insert(&cache, "q", "old", slow, now);
    assert_eq!(get(&cache, "q", now), fresh("new"));
}

#[test]
fn lower_polled_epoch_starts_an_incarnation_unless_a_notification_overtook_the_poll() {
    let (cache, now) = cache();
    notify(&cache, 10, now);
    let polled = cache.epochs.current();
    notify(&cache, 12, now);
    insert(&cache, "q", "a", cache.epochs.current(), now);
    cache.epochs.apply_polled(11, polled, now);
    assert_eq!(get(&cache, "q", now), fresh("a"));
    // A restored backup: lower than what was known when the poll was sent.
    let polled = cache.epochs.current();
    cache.epochs.apply_polled(7, polled, now);
    assert_eq!(get(&cache, "q", now), stale("a"));
    insert(&cache, "q", "b", cache.epochs.current(), now);
    notify(&cache, 8, now);
    assert_eq!(get(&cache, "q", now), stale("b"), "the lower counter counts");
    // The result of a poll from before the incarnation is from the other side of the restore.
    insert(&cache, "q", "c", cache.epochs.current(), now);
    cache.epochs.apply_polled(12, polled, now);
    assert_eq!(get(&cache, "q", now), fresh("c"));
}

fn commit(cache: &Responses, locked: i64, committed: i64, before: CatalogueEpoch, now: Instant) {
    let change = CatalogueEvent { epoch: committed, items: ChangedItems::Only(Vec::new()) };
    cache.epochs.apply_committed(locked, &change, before, now);
}

#[test]
fn change_under_a_lower_epoch_makes_older_responses_stale() {
    // From 10, the counter went back to 4, or to a value from which the change reaches 10 again.
    for (locked, committed) in [(4, 5), (9, 10)] {
        let (cache, now) = cache();
        notify(&cache, 10, now);
        insert(&cache, "q", "old", cache.epochs.current(), now);
        commit(&cache, locked, committed, cache.epochs.current(), now);
        assert_eq!(get(&cache, "q", now), stale("old"), "{locked}");
        insert(&cache, "q", "new", cache.epochs.current(), now);
        assert_eq!(get(&cache, "q", now), fresh("new"));
        // The next change is applied as usual.
        commit(&cache, committed, committed + 1, cache.epochs.current(), now);
        assert_eq!(get(&cache, "q", now), stale("new"));
    }
}

#[test]
fn change_that_overlaps_a_new_incarnation_leaves_nothing_fresh() {
    let (cache, now) = cache();
    notify(&cache, 10, now);
    let before = cache.epochs.current();
    cache.epochs.start_incarnation();
    insert(&cache, "q", "before the change", cache.epochs.current(), now);
    commit(&cache, 3, 4, before, now);
    assert_eq!(get(&cache, "q", now), stale("before the change"));
}

#[test]
fn change_that_changed_nothing_keeps_responses_fresh() {
    let (cache, now) = cache();
    notify(&cache, 10, now);
    insert(&cache, "q", "a", cache.epochs.current(), now);
    commit(&cache, 10, 10, cache.epochs.current(), now);
    assert_eq!(get(&cache, "q", now), fresh("a"));
}

proptest! {
    #[test]
    fn newer_entry_stays_in_any_order_of_inserts(order in Just([0_usize, 1, 2, 3]).prop_shuffle()) {
        let (cache, now) = cache();
        let epochs: Vec<CatalogueEpoch> = (1..=4)
            .map(|number| {
                notify(&cache, number, now);
                cache.epochs.current()
            })
            .collect();
        for place in order {
            insert(&cache, "q", &place.to_string(), epochs[place], now);
        }
        prop_assert_eq!(get(&cache, "q", now), fresh("3"));
    }
}
