//! Tests of `actors::api_key_cache::usage`.

use super::*;
use proptest::prelude::*;

proptest! {
    /// In any order of uses, flushes and failed flushes, the last use of each key is written in
    /// the end.
    #[test]
    fn last_use_of_each_key_is_written(
        history in proptest::collection::vec((0_u8..6, 0_u8..4, 0_i64..1000), 0..200),
    ) {
        let keys: Vec<Arc<LastUse>> =
            (0..4).map(|id| Arc::new(LastUse::new(Uuid::from_u128(id)))).collect();
        let mut uses = PendingUses::default();
        let (mut last, mut written) = (HashMap::new(), HashMap::new());
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
                    let last_use = &keys[usize::from(key)];
                    if last_use.record(now) {
                        uses.push(Arc::clone(last_use));
                    }
                    let at = last.entry(Uuid::from_u128(key.into())).or_insert(now);
                    *at = (*at).max(now);
                }
                4 => write(uses.take_batch()),
                _ => {
                    let batch = uses.take_batch();
                    uses.restore(batch);
                }
            }
        }
        write(uses.take_batch());
        prop_assert_eq!(uses.len(), 0);
        prop_assert_eq!(written, last);
    }
}

#[test]
fn many_uses_of_a_key_are_one_pending_use() {
    let (last_use, mut uses) = (Arc::new(LastUse::new(Uuid::nil())), PendingUses::default());
    for second in 0..10_000 {
        if last_use.record(DateTime::from_timestamp(second, 0).unwrap()) {
            uses.push(Arc::clone(&last_use));
        }
    }
    assert_eq!(uses.len(), 1);
    assert_eq!(uses.take_batch(), [(Uuid::nil(), DateTime::from_timestamp(9_999, 0).unwrap())]);
}
