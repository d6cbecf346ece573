//! Rules that no other test of a circuit states: found by mutation testing.

use super::*;

fn tripped(cause: FailureCause, now: Instant) -> CircuitRules {
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, now);
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure(cause), now);
    }
    rules
}

/// Whether a success elsewhere closes this circuit.
fn recovers(rules: &mut CircuitRules, now: Instant) -> bool {
    rules.recover(now, "the database is reachable again");
    rules.state() == CircuitState::Closed
}

#[test]
fn only_an_unreachable_server_is_available_again_by_a_success_elsewhere() {
    let start = Instant::now();
    assert!(recovers(&mut tripped(FailureCause::Unreachable, start), start));
    for own in [FailureCause::StatementTimeout, FailureCause::Connection, FailureCause::Deadline] {
        assert!(!recovers(&mut tripped(own, start), start), "{own:?}");
    }
}

#[test]
fn failed_probe_says_whether_the_server_is_unreachable() {
    let start = Instant::now();
    for (probe, expected) in
        [(FailureCause::Unreachable, true), (FailureCause::StatementTimeout, false)]
    {
        let mut rules = tripped(FailureCause::StatementTimeout, start);
        let now = after(start, 30.0);
        call(&mut rules, Verdict::Failure(probe), now);
        assert_eq!(rules.state(), CircuitState::Open);
        assert_eq!(recovers(&mut rules, now), expected, "{probe:?}");
    }
    // A later failure of another kind does not say that it can be reached.
    let mut rules = tripped(FailureCause::Unreachable, start);
    let now = after(start, 30.0);
    call(&mut rules, Verdict::Failure(FailureCause::StatementTimeout), now);
    assert!(recovers(&mut rules, now));
}

#[test]
fn circuit_that_opens_a_minute_after_it_closed_does_not_flap() {
    for (pause, expected) in [(59.9, 60), (60.0, 30)] {
        let start = Instant::now();
        let mut rules = opened(start);
        let closed = after(start, 30.0);
        call(&mut rules, Verdict::Alive, closed);
        let now = after(closed, pause);
        for _ in 0..10 {
            call(&mut rules, FAILURE, now);
        }
        assert_eq!(rules.retry_after(now), Duration::from_secs(expected), "{pause}");
    }
}

#[test]
fn half_open_circuit_without_a_probe_asks_and_with_one_refuses_until_its_time_limit() {
    let start = Instant::now();
    let mut rules = opened(start);
    assert_eq!(rules.decision(start), Decision::RefuseUntil(after(start, 30.0)));
    let now = after(start, 30.0);
    let probe = rules.checkout(now, WHOLE).expect("the probe");
    assert_eq!(rules.decision(now), Decision::RefuseUntil(now + SETTINGS.timeout));
    settle(&mut rules, probe, Verdict::Neutral, now);
    assert_eq!(rules.state(), CircuitState::HalfOpen);
    assert_eq!(rules.decision(now), Decision::AskActor);
}
