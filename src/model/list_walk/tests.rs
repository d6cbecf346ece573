//! Tests of `model::list_walk`.

use proptest::prelude::*;

use super::*;
use crate::model::cursor::SortKey;

fn item(index: i64) -> IndexedPosition {
    let position = ListPosition { key: SortKey::Text("k".into()), id: index.to_string() };
    IndexedPosition { index, position }
}

/// Walks through the list of the numbers below `total`.
fn follow(walk: &ListWalk, total: i64) -> Vec<i64> {
    let from = walk.from.as_ref().map(|position| position.id.parse::<i64>().expect("a number"));
    let (skip, count) = (walk.skip.try_into().unwrap(), walk.count.try_into().unwrap());
    if walk.backwards {
        let mut found: Vec<_> = (0..from.unwrap_or(total)).rev().skip(skip).take(count).collect();
        found.reverse();
        found
    } else {
        (from.map_or(0, |from| from + 1)..total).skip(skip).take(count).collect()
    }
}

#[test]
fn neighbours_of_a_page_that_was_read_pass_over_nothing() {
    let known = |before: Option<i64>, after: Option<i64>| KnownList {
        total: Some(1000),
        before: before.map(item),
        after: after.map(item),
    };
    for (page, known, from, backwards, skip) in [
        (1, known(None, None), None, false, 0),
        (2, known(None, None), None, false, 50),
        (20, known(None, None), None, true, 0),
        (19, known(None, None), None, true, 50),
        (8, known(Some(349), None), Some("349"), false, 0),
        (8, known(Some(299), None), Some("299"), false, 50),
        (8, known(None, Some(400)), Some("400"), true, 0),
        (8, known(Some(340), Some(402)), Some("402"), true, 2),
        (8, known(Some(349), Some(400)), Some("349"), false, 0),
        // The beginning and the end are nearer than what is known.
        (2, known(None, Some(800)), None, false, 50),
        (19, known(Some(100), None), None, true, 50),
        // Items on the page itself, and those that cannot be, are not used.
        (8, known(Some(350), Some(399)), None, false, 350),
        (19, known(Some(-1), Some(1000)), None, true, 50),
    ] {
        let walk = ListWalk::to_page(PageRequest { page, limit: 50 }, 1000, &known).unwrap();
        let from = from.map(str::to_owned);
        assert_eq!(walk.from.map(|position| position.id), from, "{page} {known:?}");
        assert_eq!((walk.backwards, walk.skip, walk.count), (backwards, skip, 50), "{page}");
    }
}

proptest! {
    #[test]
    fn each_walk_ends_at_the_items_of_its_page(
        total in 0_i64..300, limit in 1_i64..=100, page in 1_i64..40,
        before in proptest::option::of(0_i64..300), after in proptest::option::of(0_i64..300),
    ) {
        let request = PageRequest { page, limit };
        let known =
            KnownList { total: None, before: before.map(item), after: after.map(item) };
        let start = request.offset();
        let expected: Vec<i64> = (start..(start + limit).min(total)).collect();
        let Some(walk) = ListWalk::to_page(request, total, &known) else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        prop_assert_eq!(follow(&walk, total), &expected[..]);
        let end = start + walk.count;
        prop_assert!(walk.skip <= start.min(total - end));
        // What is kept of the page leads to its neighbours without passing over anything.
        let positions: Vec<_> = expected.iter().map(|&index| item(index).position).collect();
        let ends = ends_of_page(request, total, &positions);
        prop_assert_eq!(ends_of_page(request, total, &positions[1..]), Vec::new());
        if end < total {
            let known = KnownList { before: ends.last().cloned(), ..KnownList::default() };
            let next = PageRequest { page: page + 1, limit };
            prop_assert_eq!(ListWalk::to_page(next, total, &known).unwrap().skip, 0);
        }
        if start > 0 {
            let known = KnownList { after: ends.first().cloned(), ..KnownList::default() };
            let previous = PageRequest { page: page - 1, limit };
            prop_assert_eq!(ListWalk::to_page(previous, total, &known).unwrap().skip, 0);
        }
    }
}
