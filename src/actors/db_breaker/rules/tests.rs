//! Tests of `actors::db_breaker::rules` with constructed instants; nothing sleeps.

use super::*;
use crate::actors::db_breaker::circuit::Circuit;
use crate::actors::db_breaker::snapshot::Decision;

mod details;
mod property_tests;

const SETTINGS: CircuitSettings = CircuitSettings {
    enabled: true,
    timeout: Duration::from_secs(10),
    error_threshold: 50,
    volume_threshold: 10,
    reset_timeout: Duration::from_secs(30),
};
/// No jitter: open times last exactly as long as the rules say.
const WHOLE: f64 = 0.0;
const FAILURE: Verdict = Verdict::Failure(FailureCause::Connection);

fn after(start: Instant, seconds: f64) -> Instant {
    start + Duration::from_secs_f64(seconds)
}

fn settle(rules: &mut CircuitRules, ticket: Ticket, verdict: Verdict, now: Instant) {
    let result = CallResult { ticket, verdict, took: Duration::from_millis(2), error: None };
    rules.settle(result, now, WHOLE);
}

fn call(rules: &mut CircuitRules, verdict: Verdict, now: Instant) {
    let ticket = rules.checkout(now, WHOLE).expect("a permit");
    settle(rules, ticket, verdict, now);
}

/// A circuit that has just opened at `now`.
fn opened(now: Instant) -> CircuitRules {
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, now);
    for _ in 0..10 {
        call(&mut rules, FAILURE, now);
    }
    assert_eq!(rules.state(), CircuitState::Open);
    rules
}

#[test]
fn circuit_opens_at_the_volume_threshold() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    for _ in 0..9 {
        call(&mut rules, FAILURE, start);
        assert_eq!(rules.state(), CircuitState::Closed);
    }
    call(&mut rules, FAILURE, start);
    assert_eq!(rules.state(), CircuitState::Open);
    assert_eq!(rules.checkout(start, WHOLE), Err(Duration::from_secs(30)));
}

#[test]
fn alive_and_neutral_verdicts_never_open_the_circuit() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    for number in 0..10_000 {
        call(&mut rules, if number % 2 == 0 { Verdict::Alive } else { Verdict::Neutral }, start);
    }
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[test]
fn calls_in_flight_do_not_dilute_the_failure_rate() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    // A hundred calls in flight do not dilute ten failures of ten completed.
    let in_flight: Vec<Ticket> =
        (0..100).map(|_| rules.checkout(start, WHOLE).expect("a permit")).collect();
    for _ in 0..10 {
        call(&mut rules, FAILURE, start);
    }
    assert_eq!(rules.state(), CircuitState::Open);
    // Their late successes are of an older generation: they release permits and close nothing.
    for ticket in in_flight {
        settle(&mut rules, ticket, Verdict::Alive, start);
    }
    assert_eq!((rules.state(), rules.calls.permits()), (CircuitState::Open, 0));
}

#[test]
fn hung_calls_count_as_failures_at_the_timeout() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    let hung: Vec<Ticket> =
        (0..10).map(|_| rules.checkout(start, WHOLE).expect("a permit")).collect();
    rules.tick(after(start, 9.9), WHOLE);
    assert_eq!(rules.state(), CircuitState::Closed);
    rules.tick(after(start, 10.0), WHOLE);
    assert_eq!(rules.state(), CircuitState::Open);
    assert_eq!((rules.stats.failures, rules.stats.timeouts), (10, 10));
    // When they end they are not counted again.
    for ticket in hung {
        settle(&mut rules, ticket, FAILURE, after(start, 11.0));
    }
    assert_eq!((rules.stats.failures, rules.calls.permits()), (10, 0));
}

#[test]
fn failures_expire_after_ten_seconds() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    for second in 0..60 {
        call(&mut rules, FAILURE, after(start, f64::from(second) * 1.2));
        assert_eq!(
            rules.state(),
            CircuitState::Closed,
            "at most nine in any ten seconds are below the volume threshold"
        );
    }
}

#[test]
fn half_open_circuit_permits_one_probe_and_closes_on_success() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    let probe = rules.checkout(later, WHOLE).expect("the probe");
    for _ in 0..200 {
        assert!(rules.checkout(later, WHOLE).is_err());
    }
    settle(&mut rules, probe, Verdict::Alive, later);
    assert_eq!(rules.state(), CircuitState::Closed);
    // The window was cleared: one failure is not the eleventh.
    call(&mut rules, FAILURE, later);
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[test]
fn neutral_probe_is_replaced_and_hung_probe_reopens() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    let probe = rules.checkout(later, WHOLE).expect("the probe");
    settle(&mut rules, probe, Verdict::Neutral, later);
    assert_eq!(rules.state(), CircuitState::HalfOpen);
    let _hung = rules.checkout(later, WHOLE).expect("the next probe");
    rules.tick(after(start, 39.9), WHOLE);
    assert_eq!(rules.state(), CircuitState::HalfOpen);
    rules.tick(after(start, 40.0), WHOLE);
    assert_eq!(rules.state(), CircuitState::Open);
    assert!(rules.checkout(after(start, 70.0), WHOLE).is_ok(), "a probe is permitted again");
}

#[test]
fn open_time_doubles_only_for_flapping_circuits() {
    let mut now = Instant::now();
    let mut rules = opened(now);
    // Within one outage: a probe every 30 seconds, however many fail.
    for _ in 0..6 {
        now = after(now, 30.0);
        let probe = rules.checkout(now, WHOLE).expect("the probe");
        settle(&mut rules, probe, FAILURE, now);
        assert_eq!(rules.retry_after(now), Duration::from_secs(30));
    }
    for expected in [60, 120, 240, 240] {
        now += rules.retry_after(now);
        call(&mut rules, Verdict::Alive, now);
        for _ in 0..10 {
            call(&mut rules, FAILURE, now);
        }
        assert_eq!(rules.retry_after(now), Duration::from_secs(expected));
    }
    // More than a minute after closing, the open time is reset.
    now += rules.retry_after(now);
    call(&mut rules, Verdict::Alive, now);
    now = after(now, 61.0);
    for _ in 0..10 {
        call(&mut rules, FAILURE, now);
    }
    assert_eq!(rules.retry_after(now), Duration::from_secs(30));
}

#[test]
fn operator_control_overrides_the_rules() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    rules.isolate(start, "maintenance");
    assert!(rules.checkout(after(start, 1e6), WHOLE).is_err());
    rules.force_close(start, "done");
    assert!(rules.checkout(start, WHOLE).is_ok());
    let mut rules = opened(start);
    rules.reset(start, "again");
    assert_eq!((rules.state(), rules.last_error.as_deref()), (CircuitState::Closed, None));
}

#[test]
fn disabled_breaker_always_permits() {
    let start = Instant::now();
    let mut rules =
        CircuitRules::new(CircuitSettings { enabled: false, ..SETTINGS }, Prober::Caller, start);
    for _ in 0..1000 {
        call(&mut rules, FAILURE, start);
    }
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[test]
fn unreachable_server_counts_only_from_calls_permitted_since_the_transition() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    call(&mut rules, Verdict::Alive, later);
    assert_eq!(rules.state(), CircuitState::Closed);
    let before = rules.stats.failures;
    for _ in 0..20 {
        rules.count_unreachable("connection refused", after(start, 29.9), later, WHOLE);
    }
    assert_eq!((rules.state(), rules.stats.failures), (CircuitState::Closed, before));
    for _ in 0..10 {
        rules.count_unreachable("connection refused", later, later, WHOLE);
    }
    assert_eq!((rules.state(), rules.stats.failures), (CircuitState::Open, before + 10));
    assert_eq!(rules.stats.failures_by_cause.unreachable, 10);
}

#[test]
fn retry_time_is_never_zero_while_calls_are_refused() {
    let start = Instant::now();
    let mut rules = opened(start);
    for seconds in [0.0, 29.999, 30.0, 1e6] {
        assert!(rules.retry_after(after(start, seconds)) >= MIN_RETRY_AFTER);
    }
    rules.isolate(start, "maintenance");
    assert_eq!(rules.retry_after(after(start, 1e6)), SETTINGS.reset_timeout);
    assert_eq!(rules.decision(start), Decision::RefuseFor(SETTINGS.reset_timeout));
}

#[test]
fn statistics_count_by_cause_and_transitions_by_name() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, Prober::Dedicated, start);
    let causes = [
        FailureCause::Deadline,
        FailureCause::StatementTimeout,
        FailureCause::LockTimeout,
        FailureCause::Connection,
        FailureCause::Unreachable,
    ];
    call(&mut rules, Verdict::Alive, start);
    for cause in causes {
        call(&mut rules, Verdict::Failure(cause), start);
    }
    let report = rules.report(Circuit::Auth, 7, after(start, 1.0));
    let by_cause = report.stats.failures_by_cause;
    assert_eq!(
        [
            by_cause.deadline,
            by_cause.statement_timeout,
            by_cause.lock_timeout,
            by_cause.connection,
            by_cause.unreachable
        ],
        [1; 5]
    );
    assert_eq!((report.stats.failures, report.stats.timeouts, report.stats.rejects), (5, 3, 7));
    assert_eq!((report.window.successes, report.window.failures), (1, 5));
    assert_eq!((report.window.timeouts, report.window.failure_rate), (3, Some(83.33)));
    assert_eq!(report.window.latency_ms.map(|latency| latency.mean), Some(2.0));
    for round in 0..6 {
        rules.isolate(after(start, f64::from(round)), "maintenance");
        rules.force_close(after(start, f64::from(round) + 0.5), "done");
    }
    let report = rules.report(Circuit::Auth, 0, after(start, 10.0));
    assert_eq!((report.stats.transitions.isolated, report.stats.transitions.closed), (6, 6));
    // The window starts anew with each transition; the totals go on.
    assert_eq!((report.window.failures, report.stats.failures), (0, 5));
    assert_eq!(report.last_transitions.len(), 10);
    let newest = &report.last_transitions[0];
    assert_eq!((newest.from, newest.to), (CircuitState::Isolated, CircuitState::Closed));
    assert_eq!((newest.ago, newest.cause.as_str()), (Duration::from_millis(4500), "done"));
}
