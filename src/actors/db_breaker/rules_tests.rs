//! The rules over made-up histories. Instants are made up, too: nothing here waits.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::rules::Rules;
use super::state::{Settings, State, Ticket};
use super::verdict::Verdict;

const SETTINGS: Settings = Settings {
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

fn call(rules: &mut Rules, verdict: Verdict, now: Instant) {
    let ticket = rules.checkout(now, MIDDLE).expect("a permit");
    rules.settle(ticket, verdict, None, now, MIDDLE);
}

/// A circuit that has just opened at `now`.
fn opened(now: Instant) -> Rules {
    let mut rules = Rules::new(SETTINGS, now);
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, now);
    }
    assert_eq!(rules.state(), State::Open);
    rules
}

#[test]
fn it_opens_at_the_volume_threshold_and_not_before() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    for _ in 0..9 {
        call(&mut rules, Verdict::Failure, start);
        assert_eq!(rules.state(), State::Closed);
    }
    call(&mut rules, Verdict::Failure, start);
    assert_eq!(rules.state(), State::Open);
    assert_eq!(rules.checkout(start, MIDDLE), Err(Duration::from_secs(30)));
}

#[test]
fn refusals_of_a_healthy_database_and_neutral_ends_never_open_it() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    for number in 0..10_000 {
        call(&mut rules, if number % 2 == 0 { Verdict::Alive } else { Verdict::Neutral }, start);
    }
    assert_eq!(rules.state(), State::Closed);
}

#[test]
fn the_rate_is_over_completed_calls() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    // A hundred under way do not dilute ten of ten that failed.
    let under_way: Vec<Ticket> =
        (0..100).map(|_| rules.checkout(start, MIDDLE).expect("a permit")).collect();
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, start);
    }
    assert_eq!(rules.state(), State::Open);
    // Their late successes are of an older generation: they free their places and close nothing.
    for ticket in under_way {
        rules.settle(ticket, Verdict::Alive, None, start, MIDDLE);
    }
    assert_eq!((rules.state(), rules.places()), (State::Open, 0));
}

#[test]
fn calls_that_hang_count_when_their_time_is_up() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    let hung: Vec<Ticket> =
        (0..10).map(|_| rules.checkout(start, MIDDLE).expect("a permit")).collect();
    rules.tick(after(start, 9.9), MIDDLE);
    assert_eq!(rules.state(), State::Closed);
    rules.tick(after(start, 10.0), MIDDLE);
    assert_eq!(rules.state(), State::Open);
    assert_eq!((rules.stats().failures, rules.stats().timeouts), (10, 10));
    // When they end at last they are not counted again.
    for ticket in hung {
        rules.settle(ticket, Verdict::Failure, None, after(start, 11.0), MIDDLE);
    }
    assert_eq!((rules.stats().failures, rules.places()), (10, 0));
}

#[test]
fn old_failures_are_forgotten() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    for second in 0..60 {
        call(&mut rules, Verdict::Failure, after(start, f64::from(second) * 1.2));
        assert_eq!(rules.state(), State::Closed, "eight in any ten seconds are no sample");
    }
}

#[test]
fn half_open_admits_one_and_its_success_closes() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    let probe = rules.checkout(later, MIDDLE).expect("the probe");
    for _ in 0..200 {
        assert!(rules.checkout(later, MIDDLE).is_err());
    }
    rules.settle(probe, Verdict::Alive, None, later, MIDDLE);
    assert_eq!(rules.state(), State::Closed);
    // The window was cleared: one failure is not the eleventh.
    call(&mut rules, Verdict::Failure, later);
    assert_eq!(rules.state(), State::Closed);
}

#[test]
fn a_lost_probe_leaves_its_place_and_a_hung_one_opens_again() {
    let start = Instant::now();
    let mut rules = opened(start);
    let later = after(start, 30.0);
    let probe = rules.checkout(later, MIDDLE).expect("the probe");
    rules.settle(probe, Verdict::Neutral, None, later, MIDDLE);
    assert_eq!(rules.state(), State::HalfOpen);
    let _hung = rules.checkout(later, MIDDLE).expect("the next probe");
    rules.tick(after(start, 39.9), MIDDLE);
    assert_eq!(rules.state(), State::HalfOpen);
    rules.tick(after(start, 40.0), MIDDLE);
    assert_eq!(rules.state(), State::Open);
    assert!(rules.checkout(after(start, 70.0), MIDDLE).is_ok(), "half-open always ends");
}

#[test]
fn probes_keep_their_pace_and_flapping_waits_longer() {
    let mut now = Instant::now();
    let mut rules = opened(now);
    // One long outage: a probe every thirty seconds, however many fail.
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
    // After a quiet minute it starts over.
    now += rules.retry_after(now);
    call(&mut rules, Verdict::Alive, now);
    now = after(now, 61.0);
    for _ in 0..10 {
        call(&mut rules, Verdict::Failure, now);
    }
    assert_eq!(rules.retry_after(now), Duration::from_secs(30));
}

#[test]
fn operators_have_the_last_word() {
    let start = Instant::now();
    let mut rules = Rules::new(SETTINGS, start);
    rules.isolate(start, "maintenance");
    assert!(rules.checkout(after(start, 1e6), MIDDLE).is_err());
    rules.force_closed(start, "done");
    assert!(rules.checkout(start, MIDDLE).is_ok());
    let mut rules = opened(start);
    rules.reset(start, "again");
    assert_eq!((rules.state(), rules.last_error()), (State::Closed, None));
}

#[test]
fn switched_off_it_grants_whatever_happens() {
    let start = Instant::now();
    let mut rules = Rules::new(Settings { enabled: false, ..SETTINGS }, start);
    for _ in 0..1000 {
        call(&mut rules, Verdict::Failure, start);
    }
    assert_eq!(rules.state(), State::Closed);
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    Checkout,
    Settle(usize, Verdict),
    Wait(f64),
}

fn event() -> impl Strategy<Value = Event> {
    let verdict = prop_oneof![
        Just(Verdict::Alive),
        Just(Verdict::Failure),
        Just(Verdict::Failure),
        Just(Verdict::Neutral)
    ];
    prop_oneof![
        4 => Just(Event::Checkout),
        4 => (0_usize..16, verdict).prop_map(|(which, verdict)| Event::Settle(which, verdict)),
        1 => (0.0_f64..20.0).prop_map(Event::Wait),
    ]
}

/// Plays a history; returns what was decided.
fn play(events: &[Event]) -> Result<Vec<(State, bool)>, TestCaseError> {
    let (start, mut passed) = (Instant::now(), 0.0);
    let mut rules = Rules::new(SETTINGS, start);
    let (mut tickets, mut decided): (Vec<Ticket>, Vec<(State, bool)>) = (Vec::new(), Vec::new());
    let mut probes_of: Vec<u64> = Vec::new();
    for event in events {
        let now = after(start, passed);
        match event {
            Event::Wait(seconds) => {
                passed += seconds;
                rules.tick(after(start, passed), MIDDLE);
            }
            Event::Settle(which, verdict) if !tickets.is_empty() => {
                let ticket = tickets.swap_remove(which % tickets.len());
                rules.settle(ticket, *verdict, None, now, MIDDLE);
            }
            Event::Settle(..) => {}
            Event::Checkout => {
                let granted = rules.checkout(now, MIDDLE);
                prop_assert!(
                    !(rules.state() == State::Open && granted.is_ok()),
                    "open never grants"
                );
                if rules.state() == State::HalfOpen && granted.is_ok() {
                    probes_of.push(rules.generation());
                    let same = probes_of
                        .iter()
                        .filter(|generation| **generation == rules.generation())
                        .count();
                    // More than one in a generation only after the one before said nothing.
                    prop_assert!(rules.probes_under_way() == 1, "{same} probes");
                }
                decided.push((rules.state(), granted.is_ok()));
                tickets.extend(granted.ok());
            }
        }
        prop_assert_eq!(rules.places(), tickets.len() as u64, "no place is ever lost");
    }
    Ok(decided)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn invariants_hold_in_every_history(events in proptest::collection::vec(event(), 0..300)) {
        let decided = play(&events)?;
        prop_assert_eq!(decided, play(&events)?, "same history, same decisions");
    }

    #[test]
    fn half_open_always_ends(events in proptest::collection::vec(event(), 0..100), seconds in 0.0_f64..1000.0) {
        let start = Instant::now();
        let mut rules = opened(start);
        let mut passed = 30.0;
        for event in &events {
            if let Event::Wait(more) = event {
                passed += more;
            }
            let _ = rules.checkout(after(start, passed), MIDDLE);
        }
        rules.tick(after(start, passed + SETTINGS.timeout.as_secs_f64() + seconds), MIDDLE);
        prop_assert!(rules.state() != State::HalfOpen || rules.probes_under_way() == 0);
    }
}
