//! Properties of all circuits together, for random histories.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum HistoryStep {
    Call(usize, Verdict),
    Hang(usize),
    Probe(ProbeResult),
    Wait(f64),
}

fn history_step() -> impl Strategy<Value = HistoryStep> {
    let verdict = prop_oneof![
        Just(Verdict::Alive),
        Just(Verdict::Neutral),
        Just(Verdict::Failure(FailureCause::Connection)),
        Just(Verdict::Failure(FailureCause::Unreachable)),
        Just(Verdict::Failure(FailureCause::StatementTimeout)),
    ];
    let result = prop_oneof![
        Just(ProbeResult::Available),
        Just(unavailable()),
        Just(ProbeResult::Inconclusive("too many clients".into())),
    ];
    prop_oneof![
        8 => (0_usize..4, verdict)
            .prop_map(|(circuit, verdict)| HistoryStep::Call(circuit, verdict)),
        1 => (0_usize..4).prop_map(HistoryStep::Hang),
        2 => result.prop_map(HistoryStep::Probe),
        1 => (0.0_f64..20.0).prop_map(HistoryStep::Wait),
    ]
}

fn play(circuits: &mut Circuits, steps: &[HistoryStep], start: Instant, jitter: f64) -> Instant {
    let circuit = |at: usize| Circuit::iter().nth(at).expect("a circuit");
    let mut now = start;
    for step in steps {
        match step {
            HistoryStep::Wait(seconds) => now = after(now, *seconds),
            HistoryStep::Hang(at) => drop(circuits.checkout(circuit(*at), now, jitter)),
            HistoryStep::Call(at, verdict) => {
                if let Ok(ticket) = circuits.checkout(circuit(*at), now, jitter) {
                    let (took, error) = (Duration::ZERO, Some("failed".into()));
                    let result = CallResult { ticket, verdict: *verdict, took, error };
                    circuits.settle(circuit(*at), result, now, now, jitter);
                }
            }
            HistoryStep::Probe(result) => {
                let probe = circuits.begin_probe(now).or(circuits.probe);
                if let Some(probe) = probe {
                    circuits.settle_probe(probe, result.clone(), now, jitter);
                }
            }
        }
        circuits.tick(now, jitter);
    }
    now
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// From any state of an outage: a server that answers the probes is noticed within the reset
    /// timeout, and all circuits close together.
    #[test]
    fn outage_ends_within_the_reset_timeout(
        steps in proptest::collection::vec(history_step(), 0..100),
        jitter in 0.0_f64..1.0,
    ) {
        let mut circuits = dedicated(Instant::now());
        let now = play(&mut circuits, &steps, Instant::now(), jitter);
        // The outage: a probe fails now.
        circuits.probe_requested = true;
        let probe = circuits.begin_probe(now).or(circuits.probe).expect("a probe");
        circuits.settle_probe(probe, unavailable(), now, jitter);
        prop_assert_eq!(states(&circuits), [CircuitState::Open; 4]);
        let next = circuits.next_probe_at().expect("the next probe");
        prop_assert!(next <= now + SETTINGS.reset_timeout);
        let probe = circuits.begin_probe(next).expect("a probe");
        circuits.settle_probe(probe, ProbeResult::Available, next, jitter);
        prop_assert_eq!(states(&circuits), [CircuitState::Closed; 4]);
    }

    /// Whatever happened, a circuit that is not closed is probed again.
    #[test]
    fn open_circuits_are_always_probed_again(
        steps in proptest::collection::vec(history_step(), 0..100),
        jitter in 0.0_f64..1.0,
    ) {
        let mut circuits = dedicated(Instant::now());
        let now = play(&mut circuits, &steps, Instant::now(), jitter);
        let refuses = states(&circuits).iter().any(|state| *state != CircuitState::Closed);
        if refuses {
            let next = circuits.next_probe_at();
            let most = now + SETTINGS.reset_timeout * 8;
            prop_assert!(circuits.probe.is_some() || next.is_some_and(|at| at <= most));
        }
        // A circuit is half-open only while a probe is under way.
        let half_open = states(&circuits).contains(&CircuitState::HalfOpen);
        prop_assert!(!half_open || circuits.probe.is_some());
    }
}
