//! Tests of `actors::api_key_cache::usage`.

use super::*;
use proptest::prelude::*;

/// The time of a use, and its client.
fn used(second: i64) -> (DateTime<Utc>, Option<IpAddr>) {
    let at = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
    let client = u32::try_from(second).unwrap();
    (at, (second > 0).then(|| std::net::Ipv4Addr::from_bits(client).into()))
}

proptest! {
    /// In any order of uses, flushes and failed flushes, the last use of each key is written in
    /// the end, with its own client.
    #[test]
    fn last_use_of_each_key_is_written(
        history in proptest::collection::vec((0_u8..6, 0_u8..4, 0_i64..1000), 0..200),
    ) {
        let keys: Vec<Arc<LastUse>> =
            (0..4).map(|id| Arc::new(LastUse::new(Uuid::from_u128(id)))).collect();
        let mut uses = PendingUses::default();
        let (mut last, mut written) = (HashMap::new(), HashMap::new());
        let mut write = |batch: Vec<KeyUse>| {
            for KeyUse { key_id, at, client } in batch {
                let row = written.entry(key_id).or_insert((at, client));
                *row = (*row).max((at, client));
            }
        };
        for (step, key, second) in history {
            let (at, client) = used(second);
            match step {
                0..=3 => {
                    let last_use = &keys[usize::from(key)];
                    if last_use.record(at, client) {
                        uses.push(Arc::clone(last_use));
                    }
                    let row = last.entry(Uuid::from_u128(key.into())).or_insert((at, client));
                    *row = (*row).max((at, client));
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
        let (at, client) = used(second);
        if last_use.record(at, client) {
            uses.push(Arc::clone(&last_use));
        }
    }
    assert_eq!(uses.len(), 1);
    let (at, client) = used(9_999);
    assert_eq!(uses.take_batch(), [KeyUse { key_id: Uuid::nil(), at, client }]);
}
