//! Tests of `actors::db_breaker::snapshot`.

use super::*;

#[test]
fn it_refuses_as_long_as_it_was_told() {
    let base = Instant::now();
    let snapshot = Snapshot::new(base);
    let at = |seconds| base + Duration::from_secs(seconds);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::Until(at(30)));
    assert!(snapshot.refusal(Circuit::Auth, at(29)) <= Some(Duration::from_millis(1001)));
    assert_eq!(snapshot.refusal(Circuit::Auth, at(31)), None);
    assert_eq!(snapshot.refusal(Circuit::Metrics, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::Isolated);
    assert!(snapshot.refusal(Circuit::Auth, at(1_000_000)).is_some());
    snapshot.publish(Circuit::Auth, Decision::Ask);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    assert_eq!(snapshot.rejects(Circuit::Auth), 2);
}
