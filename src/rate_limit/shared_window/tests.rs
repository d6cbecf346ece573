//! Tests of `rate_limit::shared_window`.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Two processes that exchange after every request are one: no window of any position holds
    /// more than the quota, and a caller that waits for as long as it is told gets through.
    #[test]
    fn processes_that_exchange_hold_one_quota(
        most in 1_usize..8,
        window in 60_i64..5_000,
        steps in proptest::collection::vec((0_i64..2_000, any::<bool>(), any::<bool>()), 1..100),
    ) {
        let quota = Quota { most, window };
        let (mut processes, mut granted, mut now) = ([SharedWindow::default(), SharedWindow::default()], Vec::new(), 0);
        for (pause, which, gives_back) in steps {
            now += pause;
            let index = usize::from(which);
            match processes[index].reserve(quota, now) {
                Ok(standing) => {
                    prop_assert!(standing.remaining < most && standing.reset <= window + slot_length(window));
                    if gives_back { processes[index].release(now); } else { granted.push(now); }
                }
                Err(Wait(wait)) => {
                    prop_assert!(wait >= 1 && wait <= window + slot_length(window));
                    prop_assert!(processes[index].clone().reserve(quota, now + wait - 1).is_err());
                    prop_assert!(processes[index].clone().reserve(quota, now + wait).is_ok());
                }
            }
            let slots = processes[index].slots(window);
            processes[1 - index].replace_others(slots);
        }
        for begin in &granted {
            let inside = granted.iter().filter(|at| (*begin..*begin + window).contains(*at)).count();
            prop_assert!(inside <= most, "{inside} from {begin} on");
        }
    }

    /// What is sent, added up, is what was counted.
    #[test]
    fn what_is_sent_adds_up(steps in proptest::collection::vec((0_i64..30, any::<bool>()), 1..60)) {
        let quota = Quota { most: 1000, window: 60_000 };
        let (mut caller, mut heard, mut now) = (SharedWindow::default(), std::collections::BTreeMap::new(), 1_000_000);
        for (pause, releases) in steps {
            now += pause * 100;
            caller.reserve(quota, now).unwrap();
            if releases { caller.release(now); }
            let unsent = caller.unsent(quota.window, now);
            heard.extend(unsent.iter().map(|slot| (slot.at, slot.hits)));
            caller.sent(&unsent, quota.window, now);
            prop_assert!(caller.unsent(quota.window, now).is_empty());
            let whole = now - quota.window;
            let counted: usize = caller.slots(quota.window).iter().filter(|s| s.at > whole).map(|s| s.hits).sum();
            prop_assert_eq!(heard.iter().filter(|(at, _)| **at > whole).map(|(_, hits)| hits).sum::<usize>(), counted);
        }
    }
}
