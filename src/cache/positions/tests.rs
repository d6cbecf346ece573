//! Tests of `cache::positions`.

use std::time::Instant;

use super::*;
use crate::cache::responses::CatalogueEpochs;
use crate::model::catalogue_event::CatalogueEvent;

fn item(index: i64) -> IndexedPosition {
    let position = ListPosition { key: SortKey::Text("k".into()), id: format!("m{index}") };
    IndexedPosition { index, position }
}

fn indexes(cache: &PositionCache, epoch: CatalogueEpoch, page: Range<i64>) -> [Option<i64>; 2] {
    let (before, after) = cache.nearest("list", epoch, &page);
    for found in before.iter().chain(&after) {
        assert_eq!(*found, item(found.index));
    }
    [before, after].map(|found| found.map(|item| item.index))
}

#[test]
fn nearest_items_enclose_the_page() {
    let (cache, epoch) = (PositionCache::default(), CatalogueEpoch::default());
    assert_eq!(indexes(&cache, epoch, 0..50), [None, None]);
    cache.insert("list", vec![item(100), item(149)], epoch);
    cache.insert("list", vec![item(500), item(549)], epoch);
    cache.insert("list", Vec::new(), epoch);
    cache.insert("other", vec![item(300)], epoch);
    for (page, expected) in [
        (0..50, [None, Some(100)]),
        (50..100, [None, Some(100)]),
        (100..150, [None, Some(500)]),
        (150..200, [Some(149), Some(500)]),
        (450..500, [Some(149), Some(500)]),
        (500..550, [Some(149), None]),
        (550..600, [Some(549), None]),
    ] {
        assert_eq!(indexes(&cache, epoch, page.clone()), expected, "{page:?}");
    }
}

#[test]
fn items_are_valid_for_their_epoch_and_incarnation_only() {
    let (epochs, cache) = (CatalogueEpochs::default(), PositionCache::default());
    let first = epochs.current();
    cache.insert("list", vec![item(7)], first);
    epochs.apply_notified(&CatalogueEvent::of_any_item(5), Instant::now());
    let second = epochs.current();
    assert_eq!(indexes(&cache, second, 8..9), [None, None]);
    // A slow read of the first epoch comes too late.
    cache.insert("list", vec![item(8)], second);
    cache.insert("list", vec![item(9)], first);
    assert_eq!(indexes(&cache, second, 20..30), [Some(8), None]);
    assert_eq!(indexes(&cache, first, 20..30), [None, None]);
    // The counter goes back, and reaches the same number again.
    epochs.apply_polled(2, second, Instant::now());
    epochs.apply_notified(&CatalogueEvent::of_any_item(5), Instant::now());
    assert_eq!(indexes(&cache, epochs.current(), 20..30), [None, None]);
    epochs.start_incarnation();
    assert_eq!(indexes(&cache, epochs.current(), 20..30), [None, None]);
}

#[test]
fn long_walk_keeps_its_end_and_an_item_near_every_page() {
    const TOTAL: i64 = 1_000_000;
    let (cache, epoch) = (PositionCache::default(), CatalogueEpoch::default());
    for page in 0..TOTAL / 100 {
        let start = page * 100;
        if page > 0 {
            assert_eq!(indexes(&cache, epoch, start..start + 100)[0], Some(start - 1));
        }
        cache.insert("list", vec![item(start), item(start + 99)], epoch);
    }
    let (_, known) = cache.0.get("list").unwrap();
    assert!(known.len() <= MAX_POSITIONS);
    let near = known.keys().zip(known.keys().skip(1)).map(|(a, b)| b - a).max().unwrap();
    assert!(near < TOTAL / 50, "{near}");
}

#[test]
fn memory_is_bounded_whatever_is_listed() {
    let (cache, epoch) = (PositionCache::default(), CatalogueEpoch::default());
    let long = |index| IndexedPosition {
        index,
        position: ListPosition { key: SortKey::Text("k".repeat(800)), id: "m".repeat(100) },
    };
    for list in 0..200 {
        let name = format!("{list}{}", "x".repeat(8000));
        cache.insert(&name, (0..).map(long).take(MAX_POSITIONS).collect(), epoch);
    }
    let size = cache.0.weight();
    assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&size), "{size}");
    // The latest list is among those that are left.
    let latest = format!("199{}", "x".repeat(8000));
    assert!(cache.nearest(&latest, epoch, &(10..20)).0.is_some());
}
