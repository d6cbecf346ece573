//! Properties of the rules of one circuit, for random histories.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum HistoryStep {
    Checkout,
    Settle(usize, Verdict),
    Wait(f64),
}

fn history_step() -> impl Strategy<Value = HistoryStep> {
    let verdict = prop_oneof![
        Just(Verdict::Alive),
        Just(FAILURE),
        Just(Verdict::Failure(FailureCause::Unreachable)),
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
    let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
    let (mut tickets, mut decided): (Vec<Ticket>, Vec<(CircuitState, bool)>) =
        (Vec::new(), Vec::new());
    let mut probes_of: Vec<u64> = Vec::new();
    for event in events {
        let now = after(start, passed);
        match event {
            HistoryStep::Wait(seconds) => {
                passed += seconds;
                rules.tick(after(start, passed), WHOLE);
            }
            HistoryStep::Settle(which, verdict) if !tickets.is_empty() => {
                let ticket = tickets.swap_remove(which % tickets.len());
                settle(&mut rules, ticket, *verdict, now);
            }
            HistoryStep::Settle(..) => {}
            HistoryStep::Checkout => {
                let granted = rules.checkout(now, WHOLE);
                prop_assert!(
                    !(rules.state() == CircuitState::Open && granted.is_ok()),
                    "open circuit permitted a call"
                );
                if rules.state() == CircuitState::HalfOpen && granted.is_ok() {
                    probes_of.push(rules.generation);
                    let same = probes_of
                        .iter()
                        .filter(|generation| **generation == rules.generation)
                        .count();
                    // A second probe in a generation follows only a neutral one.
                    prop_assert!(rules.calls.len() == 1, "{same} probes");
                }
                decided.push((rules.state(), granted.is_ok()));
                tickets.extend(granted.ok());
            }
        }
        prop_assert_eq!(rules.calls.permits(), tickets.len() as u64, "a permit was lost");
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
    fn jitter_only_shortens_the_open_time(jitter in -1.0_f64..2.0) {
        let start = Instant::now();
        let mut rules = CircuitRules::new(SETTINGS, Prober::Caller, start);
        for _ in 0..10 {
            let ticket = rules.checkout(start, jitter).expect("a permit");
            let (verdict, took) = (FAILURE, Duration::ZERO);
            rules.settle(CallResult { ticket, verdict, took, error: None }, start, jitter);
        }
        let open_for = rules.retry_after(start);
        let reset_timeout = SETTINGS.reset_timeout;
        prop_assert!((reset_timeout.mul_f64(0.8)..=reset_timeout).contains(&open_for));
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
            let _ = rules.checkout(after(start, passed), WHOLE);
        }
        rules.tick(after(start, passed + SETTINGS.timeout.as_secs_f64() + seconds), WHOLE);
        prop_assert!(rules.state() != CircuitState::HalfOpen || rules.calls.len() == 0);
    }
}
