//! Tests of `cache::audit_refusals`.

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

fn kind(address: usize, target: usize) -> Kind {
    Kind {
        action: Action::LoginFailed,
        reason: "AUTHENTICATION_ERROR",
        address: Some(format!("192.0.2.{address}")),
        actor: None,
        credential: None,
        target: Some((None, target.to_string())),
    }
}

fn sample() -> Sample {
    Sample { request_id: "r".into(), server_request_id: Uuid::nil(), route: None }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

#[test]
fn first_is_due_at_once_and_the_rest_at_the_end_of_the_interval() {
    let refusals = Refusals::default();
    assert!(refusals.count(kind(1, 1), sample(), at(0)));
    assert!(!refusals.count(kind(1, 1), sample(), at(1)));
    assert_eq!(refusals.take_fresh().len(), 1);
    assert!(!refusals.count(kind(1, 1), sample(), at(2)));
    assert!(refusals.take_fresh().is_empty());
    let all = refusals.take_all();
    assert_eq!((all[0].count, all[0].first, all[0].last), (2, at(1), at(2)));
    // Still going on: one row an interval.
    assert!(!refusals.count(kind(1, 1), sample(), at(61)));
    assert_eq!(refusals.take_all().len(), 1);
    assert!(refusals.take_all().is_empty());
    assert!(refusals.count(kind(1, 1), sample(), at(200)), "new after a quiet interval");
}

#[test]
fn what_could_not_be_written_is_not_lost() {
    let refusals = Refusals::default();
    refusals.count(kind(1, 1), sample(), at(0));
    refusals.count(kind(1, 1), sample(), at(5));
    for _ in 0..3 {
        let all = refusals.take_all();
        assert_eq!(all.iter().map(|refused| refused.count).sum::<u64>(), 2);
        refusals.give_back(all);
        assert!(refusals.take_fresh().is_empty());
    }
    let all = refusals.take_all();
    assert_eq!((all.len(), all[0].count, all[0].first, all[0].last), (1, 2, at(0), at(5)));
}

proptest! {
    /// Whatever comes: as many as were counted are handed out, in boundedly many rows.
    #[test]
    fn a_flood_is_counted_and_bounded(flood in prop::collection::vec((0usize..100, 0usize..1000), 1..2000)) {
        let refusals = Refusals::default();
        for (address, target) in &flood {
            refusals.count(kind(*address, *target), sample(), at(0));
        }
        let mut rows = refusals.take_fresh();
        rows.extend(refusals.take_all());
        prop_assert_eq!(rows.iter().map(|refused| refused.count).sum::<u64>(), flood.len() as u64);
        prop_assert!(rows.len() <= 2 * (MAX_KINDS + 1), "{}", rows.len());
    }

    #[test]
    fn one_address_makes_a_handful_of_rows(targets in prop::collection::vec(0usize..10_000, 1..2000)) {
        let refusals = Refusals::default();
        for target in &targets {
            refusals.count(kind(1, *target), sample(), at(0));
        }
        prop_assert!(refusals.take_all().len() <= 2 * (MAX_OF_ADDRESS + 1));
    }
}
