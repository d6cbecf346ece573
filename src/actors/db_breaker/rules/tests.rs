//! Tests of `actors::db_breaker::rules` with constructed instants; nothing sleeps.

use proptest::prelude::*;

use super::*;

const SETTINGS: CircuitSettings = CircuitSettings {
    enabled: true,
    timeout: Duration::from_secs(10),
    error_threshold: 50,
    volume_threshold: 10,
    reset_timeout: Duration::from_secs(30),
};
const MIDDLE: f64 = 0.5;

fn after(start: Instant, seconds: f64) -> Instant {
    start + Duration::from_secs_f64(seconds)
}

fn call(rules: &mut CircuitRules, verdict: Verdict, now: Instant) {
    let ticket = rules.checkout(now, MIDDLE).expect("a permit");
    rules.settle(ticket, verdict, None, now, MIDDLE);
}

/// A circuit that has just opened at `now`.
fn opened(now: Instant) -> CircuitRules {
    let mut rules = CircuitRules::new(SETTINGS, now);
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, now);
    }
    assert_eq!(rules.state(), CircuitState::Open);
    rules
}

#[test]
fn circuit_opens_at_the_volume_threshold() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    for _ in 0..9 {
        call(&mut rules, Verdict::Failure, start);
        assert_eq!(rules.state(), CircuitState::Closed);
    }
    call(&mut rules, Verdict::Failure, start);
    assert_eq!(rules.state(), CircuitState::Open);
    assert_eq!(rules.checkout(start, MIDDLE), Err(Duration::from_secs(30)));
}

#[test]
fn alive_and_neutral_verdicts_never_open_the_circuit() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    for number in 0..10_000 {
        call(&mut rules, if number % 2 == 0 { Verdict::Alive } else { Verdict::Neutral }, start);
    }
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[test]
fn calls_in_flight_do_not_dilute_the_failure_rate() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    // A hundred calls in flight do not dilute ten failures of ten completed.
    let in_flight: Vec<Ticket> =
        (0..100).map(|_| rules.checkout(start, MIDDLE).expect("a permit")).collect();
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, start);
    }
    assert_eq!(rules.state(), CircuitState::Open);
    // Their late successes are of an older generation: they release permits and close nothing.
    for ticket in in_flight {
        rules.settle(ticket, Verdict::Alive, None, start, MIDDLE);
    }
    assert_eq!((rules.state(), rules.permits_in_use()), (CircuitState::Open, 0));
}

#[test]
fn hung_calls_count_as_failures_at_the_timeout() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    let hung: Vec<Ticket> =
        (0..10).map(|_| rules.checkout(start, MIDDLE).expect("a permit")).collect();
    rules.tick(after(start, 9.9), MIDDLE);
    assert_eq!(rules.state(), CircuitState::Closed);
    rules.tick(after(start, 10.0), MIDDLE);
    assert_eq!(rules.state(), CircuitState::Open);
    assert_eq!((rules.stats().failures, rules.stats().timeouts), (10, 10));
    // When they end they are not counted again.
    for ticket in hung {
        rules.settle(ticket, Verdict::Failure, None, after(start, 11.0), MIDDLE);
    }
    assert_eq!((rules.stats().failures, rules.permits_in_use()), (10, 0));
}

#[test]
fn failures_expire_after_ten_seconds() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    for second in 0..60 {
        call(&mut rules, Verdict::Failure, after(start, f64::from(second) * 1.2));
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
    let probe = rules.checkout(later, MIDDLE).expect("the probe");
    for _ in 0..200 {
        assert!(rules.checkout(later, MIDDLE).is_err());
    }
    rules.settle(probe, Verdict::Alive, None, later, MIDDLE);
    assert_eq!(rules.state(), CircuitState::Closed);
    // The window was cleared: one failure is not the eleventh.
    call(&mut rules, Verdict::Failure, later);
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[test]
fn neutral_probe_is_replaced_and_hung_probe_reopens() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    let probe = rules.checkout(later, MIDDLE).expect("the probe");
    rules.settle(probe, Verdict::Neutral, None, later, MIDDLE);
    assert_eq!(rules.state(), CircuitState::HalfOpen);
    let _hung = rules.checkout(later, MIDDLE).expect("the next probe");
    rules.tick(after(start, 39.9), MIDDLE);
    assert_eq!(rules.state(), CircuitState::HalfOpen);
    rules.tick(after(start, 40.0), MIDDLE);
    assert_eq!(rules.state(), CircuitState::Open);
    assert!(rules.checkout(after(start, 70.0), MIDDLE).is_ok(), "a probe is permitted again");
}

#[test]
fn open_time_doubles_only_for_flapping_circuits() {
    let mut now = Instant::now();
    let mut rules = opened(now);
    // Within one outage: a probe every 30 seconds, however many fail.
    for _ in 0..6 {
        now = after(now, 30.0);
        let probe = rules.checkout(now, MIDDLE).expect("the probe");
        rules.settle(probe, Verdict::Failure, None, now, MIDDLE);
        assert_eq!(rules.retry_after(now), Duration::from_secs(30));
    }
    for expected in [60, 120, 240, 240] {
        now += rules.retry_after(now);
        call(&mut rules, Verdict::Alive, now);
        for _ in 0..10 {
            call(&mut rules, Verdict::Failure, now);
        }
        assert_eq!(rules.retry_after(now), Duration::from_secs(expected));
    }
    // More than a minute after closing, the open time is reset.
    now += rules.retry_after(now);
    call(&mut rules, Verdict::Alive, now);
    now = after(now, 61.0);
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, now);
    }
    assert_eq!(rules.retry_after(now), Duration::from_secs(30));
}

#[test]
fn operator_control_overrides_the_rules() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(SETTINGS, start);
    rules.isolate(start, "maintenance");
    assert!(rules.checkout(after(start, 1e6), MIDDLE).is_err());
    rules.force_close(start, "done");
    assert!(rules.checkout(start, MIDDLE).is_ok());
    let mut rules = opened(start);
    rules.reset(start, "again");
    assert_eq!((rules.state(), rules.last_error()), (CircuitState::Closed, None));
}

#[test]
fn disabled_breaker_always_permits() {
    let start = Instant::now();
    let mut rules = CircuitRules::new(CircuitSettings { enabled: false, ..SETTINGS }, start);
    for _ in 0..1000 {
        call(&mut rules, Verdict::Failure, start);
    }
    assert_eq!(rules.state(), CircuitState::Closed);
}

#[derive(Clone, Debug)]
enum HistoryStep {
    Checkout,
    Settle(usize, Verdict),
    Wait(f64),
}

fn history_step() -> impl Strategy<Value = HistoryStep> {
    let verdict = prop_oneof![
        Just(Verdict::Alive),
        Just(Verdict::Failure),
        Just(Verdict::Failure),
        Just(Verdict::Neutral)
    ];
    prop_oneof![
        4 => Just(HistoryStep::Checkout),
        4 => (0_usize..16, verdict)
            .prop_map(|(which, verdict)| HistoryStep::Settle(which, verdict)),
        1 => (0.0_f64..20.0).prop_map(HistoryStep::Wait),
    ]
}

/// Runs a history and returns the decisions.
fn play(events: &[HistoryStep]) -> Result<Vec<(CircuitState, bool)>, TestCaseError> {
    let (start, mut passed) = (Instant::now(), 0.0);
    let mut rules = CircuitRules::new(SETTINGS, start);
    let (mut tickets, mut decided): (Vec<Ticket>, Vec<(CircuitState, bool)>) =
        (Vec::new(), Vec::new());
    let mut probes_of: Vec<u64> = Vec::new();
    for event in events {
        let now = after(start, passed);
        match event {
            HistoryStep::Wait(seconds) => {
                passed += seconds;
                rules.tick(after(start, passed), MIDDLE);
            }
            HistoryStep::Settle(which, verdict) if !tickets.is_empty() => {
                let ticket = tickets.swap_remove(which % tickets.len());
                rules.settle(ticket, *verdict, None, now, MIDDLE);
            }
            HistoryStep::Settle(..) => {}
            HistoryStep::Checkout => {
                let granted = rules.checkout(now, MIDDLE);
                prop_assert!(
                    !(rules.state() == CircuitState::Open && granted.is_ok()),
                    "open circuit permitted a call"
                );
                if rules.state() == CircuitState::HalfOpen && granted.is_ok() {
                    probes_of.push(rules.generation());
                    let same = probes_of
                        .iter()
                        .filter(|generation| **generation == rules.generation())
                        .count();
                    // A second probe in a generation follows only a neutral one.
                    prop_assert!(rules.probes_in_flight() == 1, "{same} probes");
                }
                decided.push((rules.state(), granted.is_ok()));
                tickets.extend(granted.ok());
            }
        }
        prop_assert_eq!(rules.permits_in_use(), tickets.len() as u64, "a permit was lost");
    }
    Ok(decided)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn invariants_hold_for_random_histories(
        events in proptest::collection::vec(history_step(), 0..300),
    ) {
        let decided = play(&events)?;
        prop_assert_eq!(decided, play(&events)?, "same history, other decisions");
    }

    #[test]
    fn half_open_never_lasts_past_the_probe_timeout(
        events in proptest::collection::vec(history_step(), 0..100),
        seconds in 0.0_f64..1000.0,
    ) {
        let start = Instant::now();
        let mut rules = opened(start);
        let mut passed = 30.0;
        for event in &events {
            if let HistoryStep::Wait(more) = event {
                passed += more;
            }
            let _ = rules.checkout(after(start, passed), MIDDLE);
        }
        rules.tick(after(start, passed + SETTINGS.timeout.as_secs_f64() + seconds), MIDDLE);
        prop_assert!(rules.state() != CircuitState::HalfOpen || rules.probes_in_flight() == 0);
    }
}
