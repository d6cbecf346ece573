//! Rules that no other test of the circuits states: found by mutation testing.

use super::*;

#[test]
fn success_on_a_closed_circuit_closes_no_other() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    trip(&mut circuits, Circuit::Auth, LOST, start);
    settle(&mut circuits, Circuit::Metrics, Verdict::Alive, start);
    assert_eq!(circuits.rules[Circuit::Auth as usize].state(), CircuitState::Open);
    assert!(!circuits.is_closed(Circuit::Auth) && circuits.is_closed(Circuit::Metrics));
}

#[test]
fn gathered_success_is_counted_and_counts_as_an_answer() {
    let start = Instant::now();
    let mut circuits = Circuits::new(SETTINGS, Prober::Caller, start);
    let ticket = circuits.checkout(Circuit::Auth, start, WHOLE).expect("a permit");
    let (verdict, took) = (Verdict::Alive, Duration::ZERO);
    circuits.succeed(
        Circuit::Auth,
        CallResult { ticket, verdict, took, error: None },
        start,
        WHOLE,
    );
    let report = circuits.report(Circuit::Auth, 0, start).expect("a report");
    assert_eq!((report.stats.successes, report.in_flight), (1, 0));
    // The database is not starting any more, so that a silent call says something.
    let silent = Verdict::Failure(FailureCause::Deadline);
    settle(&mut circuits, Circuit::Metrics, silent, start);
    assert_eq!(states(&circuits), [CircuitState::Open; 4]);
    // All of them for the whole open time.
    let before = after(start, 29.0);
    assert!(circuits.checkout(Circuit::Domains, before, WHOLE).is_err());
    assert!(circuits.checkout(Circuit::Domains, after(start, 30.0), WHOLE).is_ok());
}

#[test]
fn next_probe_is_known_unless_one_is_under_way_or_callers_probe() {
    let start = Instant::now();
    let mut circuits = all_open(start);
    assert_eq!(circuits.next_probe_at(), Some(after(start, 30.0)));
    let later = after(start, 30.0);
    circuits.begin_probe(later).expect("a probe");
    // A circuit that an operator resets and its calls open again, during the probe.
    circuits.control(Circuit::Auth, Control::Reset, "test", later);
    trip(&mut circuits, Circuit::Auth, LOST, later);
    assert_eq!(circuits.next_probe_at(), None);

    let mut circuits = Circuits::new(SETTINGS, Prober::Caller, start);
    trip(&mut circuits, Circuit::Auth, LOST, start);
    assert_eq!(circuits.next_probe_at(), None);
}

#[test]
fn probe_has_its_circuit_half_open_and_is_given_up_at_its_time_limit_only() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    trip(&mut circuits, Circuit::Metrics, LOST, start);
    circuits.begin_probe(start).expect("a probe");
    let metrics = &circuits.rules[Circuit::Metrics as usize];
    assert_eq!(metrics.state(), CircuitState::HalfOpen);
    circuits.tick(after(start, 0.9), WHOLE);
    assert_eq!(circuits.take_probe_failure(), None);
    circuits.tick(after(start, 1.0), WHOLE);
    let (cause, next) = circuits.take_probe_failure().expect("a failure");
    assert_eq!((cause.as_str(), next), ("timed out", after(start, 30.0)));
}

#[test]
fn changes_are_taken_once_and_decisions_of_open_circuits_each_time() {
    let start = Instant::now();
    let mut circuits = dedicated(start);
    assert!(circuits.take_changes(Circuit::Auth, start).is_none(), "nothing has changed");
    trip(&mut circuits, Circuit::Auth, LOST, start);
    let count = |circuits: &mut Circuits| {
        circuits.take_changes(Circuit::Auth, start).map(|(transitions, _)| transitions.len())
    };
    assert_eq!((count(&mut circuits), count(&mut circuits)), (Some(1), Some(0)));
    circuits.control(Circuit::Auth, Control::Close, "test", start);
    let (transitions, decision) = circuits.take_changes(Circuit::Auth, start).expect("changes");
    assert_eq!((transitions.len(), decision), (1, Decision::AskActor));
    assert_eq!(count(&mut circuits), None);
}
