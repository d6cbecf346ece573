//! Tests of `cache::audit_refusals`.

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

fn key(address: usize, target: usize) -> RefusalKey {
    RefusalKey {
        action: Action::LoginFailed,
        reason: "AUTHENTICATION_ERROR",
        address: Some(format!("192.0.2.{address}")),
        actor: None,
        credential: None,
        target: Some((None, target.to_string())),
    }
}

fn sample() -> RefusedRequest {
    RefusedRequest {
        request_id: "r".into(),
        server_request_id: Uuid::nil(),
        trace_id: None,
        route: None,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

#[test]
fn first_refusal_is_due_at_once_and_the_rest_at_the_end_of_the_interval() {
    let refusals = RefusalCounts::default();
    assert!(refusals.record(key(1, 1), sample(), at(0)));
    assert!(!refusals.record(key(1, 1), sample(), at(1)));
    assert_eq!(refusals.take_new().len(), 1);
    assert!(!refusals.record(key(1, 1), sample(), at(2)));
    assert!(refusals.take_new().is_empty());
    let all = refusals.take_all();
    assert_eq!((all[0].count, all[0].first, all[0].last), (2, at(1), at(2)));
    // The flood goes on: one row an interval.
    assert!(!refusals.record(key(1, 1), sample(), at(61)));
    assert_eq!(refusals.take_all().len(), 1);
    assert!(refusals.take_all().is_empty());
    assert!(refusals.record(key(1, 1), sample(), at(200)), "new after a quiet interval");
}

#[test]
fn counts_that_were_put_back_are_not_lost() {
    let refusals = RefusalCounts::default();
    refusals.record(key(1, 1), sample(), at(0));
    refusals.record(key(1, 1), sample(), at(5));
    for _ in 0..3 {
        let all = refusals.take_all();
        assert_eq!(all.iter().map(|refusal| refusal.count).sum::<u64>(), 2);
        refusals.put_back(all);
        assert!(refusals.take_new().is_empty());
    }
    let all = refusals.take_all();
    assert_eq!((all.len(), all[0].count, all[0].first, all[0].last), (1, 2, at(0), at(5)));
}

proptest! {
    #[test]
    fn flood_is_counted_completely_in_a_bounded_number_of_rows(
        flood in prop::collection::vec((0usize..100, 0usize..1000), 1..2000),
    ) {
        let refusals = RefusalCounts::default();
        for (address, target) in &flood {
            refusals.record(key(*address, *target), sample(), at(0));
        }
        let mut rows = refusals.take_new();
        rows.extend(refusals.take_all());
        let counted = rows.iter().map(|refusal| refusal.count).sum::<u64>();
        prop_assert_eq!(counted, flood.len() as u64);
        prop_assert!(rows.len() <= 2 * (MAX_KEYS + 1), "{}", rows.len());
    }

    #[test]
    fn flood_from_one_address_makes_few_rows(
        targets in prop::collection::vec(0usize..10_000, 1..2000),
    ) {
        let refusals = RefusalCounts::default();
        for target in &targets {
            refusals.record(key(1, *target), sample(), at(0));
        }
        prop_assert!(refusals.take_all().len() <= 2 * (MAX_KEYS_OF_ADDRESS + 1));
    }
}
