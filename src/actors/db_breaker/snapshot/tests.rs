//! Tests of `actors::db_breaker::snapshot`.

use super::*;

#[test]
fn snapshot_refuses_until_the_published_instant() {
    let base = Instant::now();
    let snapshot = Snapshot::new(base);
    let at = |seconds| base + Duration::from_secs(seconds);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::RefuseUntil(at(30)));
    assert!(snapshot.refusal(Circuit::Auth, at(29)) <= Some(Duration::from_millis(1001)));
    assert_eq!(snapshot.refusal(Circuit::Auth, at(31)), None);
    assert_eq!(snapshot.refusal(Circuit::Metrics, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::RefuseAlways);
    assert!(snapshot.refusal(Circuit::Auth, at(1_000_000)).is_some());
    snapshot.publish(Circuit::Auth, Decision::AskActor);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    assert_eq!(snapshot.rejects(Circuit::Auth), 2);
}
