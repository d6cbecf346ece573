//! Tests of `rate_limit::shared_window`.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Two processes that exchange after every request act like one.
    #[test]
    fn processes_that_exchange_share_one_quota(
        limit in 1_usize..8,
        window in 60_i64..5_000,
        steps in proptest::collection::vec((0_i64..2_000, any::<bool>(), any::<bool>()), 1..100),
    ) {
        let quota = Quota { limit, window };
        let max_wait = window + slot_length(window);
        let mut processes = [SharedWindow::default(), SharedWindow::default()];
        let (mut granted, mut now) = (Vec::new(), 0);
        for (pause, which, releases) in steps {
            now += pause;
            let index = usize::from(which);
            match processes[index].reserve(quota, now) {
                Ok(state) => {
                    prop_assert!(state.remaining < limit && state.reset <= max_wait);
                    if releases {
                        processes[index].release(now);
                    } else {
                        granted.push(now);
                    }
                }
                Err(Wait(wait)) => {
                    prop_assert!(wait >= 1 && wait <= max_wait);
                    let reserve = |at| processes[index].clone().reserve(quota, at);
                    prop_assert!(reserve(now + wait - 1).is_err());
                    prop_assert!(reserve(now + wait).is_ok());
                }
            }
            let slots = processes[index].slots(window);
            processes[1 - index].set_others(slots);
        }
        for begin in &granted {
            let period = *begin..*begin + window;
            let inside = granted.iter().filter(|at| period.contains(*at)).count();
            prop_assert!(inside <= limit, "{inside} from {begin} on");
        }
    }

    #[test]
    fn sent_slots_add_up_to_the_counted_hits(
        steps in proptest::collection::vec((0_i64..30, any::<bool>()), 1..60),
    ) {
        let quota = Quota { limit: 1000, window: 60_000 };
        let (mut caller, mut received) = (SharedWindow::default(), BTreeMap::new());
        let mut now = 1_000_000;
        for (pause, releases) in steps {
            now += pause * 100;
            caller.reserve(quota, now).unwrap();
            if releases {
                caller.release(now);
            }
            let unsent = caller.unsent(quota.window, now);
            received.extend(unsent.iter().map(|slot| (slot.at, slot.hits)));
            caller.mark_sent(&unsent, quota.window, now);
            prop_assert!(caller.unsent(quota.window, now).is_empty());
            let begin = now - quota.window;
            let slots = caller.slots(quota.window);
            let counted: usize = slots.iter().filter(|s| s.at > begin).map(|s| s.hits).sum();
            let sum: usize = received.range(begin + 1..).map(|(_, hits)| *hits).sum();
            prop_assert_eq!(sum, counted);
        }
    }
}

#[test]
fn slot_is_a_sixtieth_of_the_window() {
    assert_eq!([60_000, 3_600_000, 59].map(slot_length), [1_000, 60_000, 1]);
}

#[test]
fn released_hit_is_free_again_and_weighs_nothing() {
    let (quota, mut window) = (Quota { limit: 1, window: 60_000 }, SharedWindow::default());
    assert!(window.reserve(quota, 5).is_ok() && window.reserve(quota, 6).is_err());
    window.set_others(vec![TimeSlot { at: 0, hits: 0 }, TimeSlot { at: 1_000, hits: 0 }]);
    assert_eq!(window.weight(), 3);
    window.release(5);
    assert_eq!(window.weight(), 2);
    assert!(window.reserve(quota, 6).is_ok());
}

#[test]
fn slot_that_is_emptied_after_it_was_sent_is_sent_once_more() {
    let (quota, mut window) = (Quota { limit: 9, window: 60_000 }, SharedWindow::default());
    window.reserve(quota, 5_000).unwrap();
    let sent = window.unsent(quota.window, 5_000);
    assert_eq!(sent, [TimeSlot { at: 5_000, hits: 1 }]);
    window.mark_sent(&sent, quota.window, 5_000);
    window.release(5_000);
    let emptied = window.unsent(quota.window, 5_001);
    assert_eq!(emptied, [TimeSlot { at: 5_000, hits: 0 }]);
    window.mark_sent(&emptied, quota.window, 5_001);
    assert_eq!(window.unsent(quota.window, 5_002), []);
}
