//! Tests of `actors::db_breaker::circuits` with constructed instants; nothing sleeps.

use super::*;

mod details;
mod property_tests;

const SETTINGS: CircuitSettings = CircuitSettings {
    enabled: true,
    timeout: Duration::from_secs(1),
    error_threshold: 50,
    volume_threshold: 10,
    reset_timeout: Duration::from_secs(30),
};
/// No jitter: open times last exactly as long as the rules say.
const WHOLE: f64 = 0.0;
const LOST: FailureCause = FailureCause::Connection;

fn after(start: Instant, seconds: f64) -> Instant {
    start + Duration::from_secs_f64(seconds)
}

fn dedicated(now: Instant) -> Circuits {
    Circuits::new(SETTINGS, Prober::Dedicated, now)
}

fn settle(circuits: &mut Circuits, circuit: Circuit, verdict: Verdict, now: Instant) {
    let ticket = circuits.checkout(circuit, now, WHOLE).expect("a permit");
    let error = matches!(verdict, Verdict::Failure(_)).then(|| "connection closed".to_owned());
    let result = CallResult { ticket, verdict, took: Duration::ZERO, error };
    circuits.settle(circuit, result, now, now, WHOLE);
}

/// Lets ten calls of a circuit fail, which opens it.
fn trip(circuits: &mut Circuits, circuit: Circuit, cause: FailureCause, now: Instant) {
    for _ in 0..10 {
        settle(circuits, circuit, Verdict::Failure(cause), now);
    }
    assert_eq!(circuits.rules[circuit as usize].state(), CircuitState::Open);
}

fn states(circuits: &Circuits) -> [CircuitState; 4] {
    std::array::from_fn(|at| circuits.rules[at].state())
}

fn unavailable() -> ProbeResult {
    ProbeResult::Unavailable("connection refused".into())
}

/// Circuits that a failed probe at `now` has opened.
fn all_open(now: Instant) -> Circuits {
    let mut circuits = dedicated(now);
    trip(&mut circuits, Circuit::Metrics, LOST, now);
    let probe = circuits.begin_probe(now).expect("a probe");
    circuits.settle_probe(probe, unavailable(), now, WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    circuits
}

#[test]
fn failed_probe_after_a_trip_opens_all_circuits_with_the_same_next_time() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    circuits.control(Circuit::Domains, Control::Isolate, "maintenance", start);
    trip(&mut circuits, Circuit::Metrics, LOST, start);
    assert!(circuits.is_closed(Circuit::Auth));
    let probe = circuits.begin_probe(start).expect("the server is probed at once");
    assert_eq!(circuits.begin_probe(start), None, "one probe at a time");
    let later = after(start, 0.5);
    circuits.settle_probe(probe, unavailable(), later, WHOLE);
    for circuit in [Circuit::Metrics, Circuit::Auth, Circuit::ApiKeys] {
        let rules = &mut circuits.rules[circuit as usize];
        // Counted from the start of the probe.
        assert_eq!(rules.probe_at(), Some(after(start, 30.0)), "{circuit:?}");
        let report = rules.report(circuit, 0, later);
        assert_eq!(report.last_error.as_deref(), Some("server unavailable: connection refused"));
    }
    assert_eq!(states(&circuits)[Circuit::Domains as usize], CircuitState::Isolated);
    let (cause, next) = circuits.take_probe_failure().expect("a failure");
    assert_eq!((cause.as_str(), next), ("connection refused", after(start, 30.0)));
}

#[test]
fn successful_probe_after_a_trip_leaves_only_that_circuit_open() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    trip(&mut circuits, Circuit::Metrics, FailureCause::StatementTimeout, start);
    let probe = circuits.begin_probe(start).expect("a probe");
    circuits.settle_probe(probe, ProbeResult::Available, start, WHOLE);
    let open = states(&circuits).map(|state| state == CircuitState::Open);
    assert_eq!(open, [true, false, false, false]);
    assert!(!circuits.is_probe_due(after(start, 29.9)), "its own time has not come");
    let probe = circuits.begin_probe(after(start, 30.0)).expect("its time has come");
    assert_eq!(states(&circuits)[0], CircuitState::HalfOpen);
    circuits.settle_probe(probe, ProbeResult::Available, after(start, 30.0), WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
}

#[test]
fn one_probe_closes_all_circuits_in_the_same_turn() {
    let start = Instant::now();
    let mut circuits = all_open(start);
    assert_eq!(circuits.next_probe_at(), Some(after(start, 30.0)));
    // However many probes fail, the next one follows after the plain reset timeout.
    for round in 1..10 {
        let now = after(start, 30.0 * f64::from(round));
        let probe = circuits.begin_probe(now).expect("a probe");
        assert_eq!(states(&circuits), [CircuitState::HalfOpen; 4]);
        circuits.settle_probe(probe, unavailable(), now, WHOLE);
        assert_eq!(circuits.next_probe_at(), Some(now + SETTINGS.reset_timeout));
    }
    let now = after(start, 300.0);
    let probe = circuits.begin_probe(now).expect("a probe");
    circuits.settle_probe(probe, ProbeResult::Available, now, WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
}

#[test]
fn callers_are_never_probes_where_a_dedicated_probe_exists() {
    let start = Instant::now();
    let mut circuits = all_open(start);
    let refusal = |circuits: &mut Circuits, now| {
        let refused = circuits.checkout(Circuit::Auth, now, WHOLE).expect_err("a refusal");
        assert!(refused >= Some(Duration::from_secs(1)), "{refused:?}");
    };
    for seconds in [0.0, 29.0, 30.0, 300.0] {
        refusal(&mut circuits, after(start, seconds));
    }
    let now = after(start, 300.0);
    circuits.begin_probe(now).expect("a probe");
    refusal(&mut circuits, now);
    let (_, decision) = circuits.take_changes(Circuit::Auth, now).expect("a decision");
    assert_eq!(decision, Decision::Refuse { retry_at: now + Duration::from_secs(1) });
}

#[test]
fn silent_call_has_the_server_probed_and_a_lost_connection_does_not() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    settle(&mut circuits, Circuit::Auth, Verdict::Failure(LOST), start);
    settle(&mut circuits, Circuit::Auth, Verdict::Failure(FailureCause::LockTimeout), start);
    assert!(!circuits.is_probe_due(start));
    let _hung = circuits.checkout(Circuit::Metrics, start, WHOLE).expect("a permit");
    circuits.tick(after(start, 1.0), WHOLE);
    let probe = circuits.begin_probe(after(start, 1.0)).expect("a probe");
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
    // The probe, too, gets no answer.
    circuits.tick(after(start, 2.0), WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    circuits.settle_probe(probe, ProbeResult::Available, after(start, 2.1), WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Open; 4], "it was given up");
}

#[test]
fn healthy_server_stays_open_to_calls_after_a_silent_one() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    let _hung = circuits.checkout(Circuit::Metrics, start, WHOLE).expect("a permit");
    circuits.tick(after(start, 1.0), WHOLE);
    let probe = circuits.begin_probe(after(start, 1.0)).expect("a probe");
    circuits.settle_probe(probe, ProbeResult::Available, after(start, 1.1), WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
    assert!(!circuits.is_probe_due(after(start, 100.0)));
}

#[test]
fn inconclusive_probe_changes_no_circuit_and_schedules_the_next() {
    let start = Instant::now();
    let inconclusive = || ProbeResult::Inconclusive("too many clients".into());
    let mut circuits = dedicated(start);
    trip(&mut circuits, Circuit::Metrics, FailureCause::Unreachable, start);
    let before = states(&circuits);
    let probe = circuits.begin_probe(start).expect("a probe");
    circuits.settle_probe(probe, inconclusive(), start, WHOLE);
    assert_eq!(states(&circuits), before);
    let mut circuits = all_open(start);
    let now = after(start, 30.0);
    let probe = circuits.begin_probe(now).expect("a probe");
    circuits.settle_probe(probe, inconclusive(), now, WHOLE);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    assert_eq!(circuits.next_probe_at(), Some(after(start, 60.0)));
}

#[test]
fn outage_of_the_server_does_not_count_as_flapping() {
    let mut now = Instant::now();
    let mut circuits = dedicated(now);
    for _ in 0..5 {
        trip(&mut circuits, Circuit::Auth, LOST, now);
        let probe = circuits.begin_probe(now).expect("a probe");
        circuits.settle_probe(probe, unavailable(), now, WHOLE);
        assert_eq!(circuits.next_probe_at(), Some(now + SETTINGS.reset_timeout));
        now += SETTINGS.reset_timeout;
        let probe = circuits.begin_probe(now).expect("a probe");
        circuits.settle_probe(probe, ProbeResult::Available, now, WHOLE);
    }
}

#[test]
fn time_limit_of_a_probe_hardly_delays_the_next_one() {
    let start = Instant::now();
    // Half of the open time remains after a probe that took longer than the other half.
    for (timeout, next) in [(15, 30.0), (20, 35.0), (40, 55.0)] {
        let settings = CircuitSettings { timeout: Duration::from_secs(timeout), ..SETTINGS };
        let mut circuits = Circuits::new(settings, Prober::Dedicated, start);
        trip(&mut circuits, Circuit::Metrics, LOST, start);
        circuits.begin_probe(start).expect("a probe");
        circuits.tick(start + settings.timeout, WHOLE);
        assert_eq!(circuits.next_probe_at(), Some(after(start, next)), "{timeout}");
    }
}

#[test]
fn unreachable_server_counts_against_all_circuits() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    settle(&mut circuits, Circuit::Auth, Verdict::Failure(FailureCause::Unreachable), start);
    for circuit in Circuit::iter() {
        let report = circuits.report(circuit, 0, start).expect("a report");
        assert_eq!(report.stats.failures_by_cause.unreachable, 1, "{circuit:?}");
    }
    assert!(circuits.is_probe_due(start));
}

#[test]
fn without_dedicated_probe_the_success_of_one_caller_closes_what_was_unreachable() {
    let start = Instant::now();
    let mut circuits = Circuits::new(SETTINGS, Prober::Caller, start);
    trip(&mut circuits, Circuit::Auth, FailureCause::Unreachable, start);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    assert!(!circuits.is_probe_due(after(start, 100.0)));
    let now = after(start, 30.0);
    settle(&mut circuits, Circuit::Domains, Verdict::Alive, now);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
    // A circuit that its own statements opened is not closed by another.
    trip(&mut circuits, Circuit::Metrics, FailureCause::StatementTimeout, now);
    for circuit in [Circuit::Domains, Circuit::Auth, Circuit::ApiKeys] {
        settle(&mut circuits, circuit, Verdict::Alive, now);
    }
    assert_eq!(states(&circuits)[0], CircuitState::Open);
}

#[test]
fn silent_call_opens_all_circuits_where_no_probe_can_ask() {
    let start = Instant::now();
    let mut circuits = Circuits::new(SETTINGS, Prober::Caller, start);
    let silent = Verdict::Failure(FailureCause::Deadline);
    settle(&mut circuits, Circuit::Auth, silent, start);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4], "it may still be starting");
    settle(&mut circuits, Circuit::Auth, Verdict::Alive, start);
    settle(&mut circuits, Circuit::Metrics, Verdict::Failure(LOST), start);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
    settle(&mut circuits, Circuit::Metrics, silent, start);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    let later = after(start, 30.0);
    settle(&mut circuits, Circuit::Domains, Verdict::Alive, later);
    assert_eq!(states(&circuits), [CircuitState::Closed; 4], "the first caller is the probe");
}
