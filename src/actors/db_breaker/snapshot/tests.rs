//! Tests of `actors::db_breaker::snapshot`.

use super::*;

#[test]
fn snapshot_refuses_until_the_published_instant() {
    let base = Instant::now();
    let snapshot = Snapshot::new(base);
    let at = |seconds| base + Duration::from_secs(seconds);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::RefuseUntil(at(30)));
    let millisecond = Duration::from_millis(1);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(29)), Some(Duration::from_millis(1001)));
    assert_eq!(snapshot.refuses_for(Circuit::Auth, at(30)), Some(millisecond));
    assert_eq!(snapshot.refuses_for(Circuit::Auth, at(30) + millisecond), None);
    // Only refused calls are counted.
    assert!(snapshot.refuses_for(Circuit::Auth, at(29)).is_some());
    assert_eq!(snapshot.refusal(Circuit::Auth, at(31)), None);
    assert_eq!(snapshot.refusal(Circuit::Metrics, at(1)), None);
    snapshot.publish(Circuit::Auth, Decision::AskActor);
    assert_eq!(snapshot.refusal(Circuit::Auth, at(1)), None);
    assert_eq!(snapshot.rejects(Circuit::Auth), 1);
}

#[test]
fn refusal_lasts_past_the_retry_time_and_is_never_zero() {
    let base = Instant::now();
    let snapshot = Snapshot::new(base);
    let at = |seconds| base + Duration::from_secs(seconds);
    snapshot.publish(Circuit::Auth, Decision::Refuse { retry_at: at(30) });
    assert_eq!(snapshot.refusal(Circuit::Auth, at(10)), Some(Duration::from_secs(20)));
    for late in [30, 31, 1_000_000] {
        assert_eq!(snapshot.refusal(Circuit::Auth, at(late)), Some(Duration::from_secs(1)));
    }
    assert_eq!(snapshot.rejects(Circuit::Auth), 4);
}

#[test]
fn isolated_circuit_refuses_for_the_same_time_whenever_it_is_asked() {
    let base = Instant::now();
    let snapshot = Snapshot::new(base);
    snapshot.publish(Circuit::Domains, Decision::RefuseFor(Duration::from_secs(30)));
    for late in [0, 1, 1_000_000] {
        let refusal = snapshot.refusal(Circuit::Domains, base + Duration::from_secs(late));
        assert_eq!(refusal, Some(Duration::from_secs(30)));
    }
    let forever = Decision::RefuseFor(Duration::MAX);
    snapshot.publish(Circuit::Domains, forever);
    assert!(snapshot.refusal(Circuit::Domains, base) > Some(Duration::from_hours(876_000)));
}
