//! Tests of `actors::api_key_cache::usage`.

use super::*;
use proptest::prelude::*;

proptest! {
    /// Whatever is used, taken, written or failed to be written in whatever order: in the end
    /// the last use of each key is written, and no key's writes ever go backwards in one
    /// history of successes.
    #[test]
    fn no_use_is_lost(history in proptest::collection::vec((0_u8..6, 0_u8..4, 0_i64..1000), 0..200)) {
        let keys: Vec<Arc<Usage>> = (0..4).map(|id| Arc::new(Usage::of(Uuid::from_u128(id)))).collect();
        let (mut uses, mut last, mut written) = (Uses::default(), HashMap::new(), HashMap::new());
        let mut write = |batch: Vec<(Uuid, DateTime<Utc>)>| {
            for (id, at) in batch {
                let row = written.entry(id).or_insert(at);
                *row = (*row).max(at);
            }
        };
        for (step, key, second) in history {
            let now = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
            match step {
                0..=3 => {
                    let usage = &keys[usize::from(key)];
                    if usage.note(now) {
                        uses.add(Arc::clone(usage));
                    }
                    let at = last.entry(Uuid::from_u128(key.into())).or_insert(now);
                    *at = (*at).max(now);
                }
                4 => write(uses.take()),
                _ => {
                    let batch = uses.take();
                    uses.put_back(batch);
                }
            }
        }
        write(uses.take());
        prop_assert_eq!(uses.pending(), 0);
        prop_assert_eq!(written, last);
    }
}

#[test]
fn ten_thousand_uses_of_a_key_are_one() {
    let (usage, mut uses) = (Arc::new(Usage::of(Uuid::nil())), Uses::default());
    for second in 0..10_000 {
        if usage.note(DateTime::from_timestamp(second, 0).unwrap()) {
            uses.add(Arc::clone(&usage));
        }
    }
    assert_eq!(uses.pending(), 1);
    assert_eq!(uses.take(), [(Uuid::nil(), DateTime::from_timestamp(9_999, 0).unwrap())]);
}
