//! Tests of `rate_limit::sliding_window`.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_period_exceeds_the_quota_and_the_wait_is_exact(
        limit in 1_usize..8,
        window in 1_i64..5_000,
        steps in proptest::collection::vec((0_i64..3_000, any::<bool>(), any::<bool>()), 1..120),
    ) {
        let quota = Quota { limit, window };
        let (mut hits, mut granted, mut now) = (Hits::default(), Vec::new(), 0_i64);
        for (pause, releases, waits) in steps {
            now += pause;
            match hits.reserve(quota, now) {
                Ok(state) => {
                    prop_assert!(state.remaining < limit && state.reset <= window);
                    if releases {
                        hits.release(now);
                    } else {
                        granted.push(now);
                    }
                }
                Err(Wait(wait)) => {
                    prop_assert!(wait >= 1 && wait <= window);
                    if waits {
                        now += seconds(wait) * 1000;
                        prop_assert!(hits.clone().reserve(quota, now).is_ok());
                    } else {
                        // One millisecond less is too short.
                        prop_assert!(hits.clone().reserve(quota, now + wait - 1).is_err());
                    }
                }
            }
            prop_assert!(hits.count() <= limit);
        }
        for begin in &granted {
            let period = *begin..*begin + window;
            let inside = granted.iter().filter(|at| period.contains(*at)).count();
            prop_assert!(inside <= limit, "{inside} from {begin} on");
        }
    }
}

#[test]
fn clock_that_goes_backwards_loses_no_hits() {
    let (quota, mut hits) = (Quota { limit: 2, window: 1000 }, Hits::default());
    assert!(hits.reserve(quota, 5000).is_ok());
    assert!(hits.reserve(quota, 4000).is_ok());
    assert_eq!(hits.reserve(quota, 4500), Err(Wait(500)));
    assert_eq!(hits, Hits::from_instants(vec![5000, 4000]));
    hits.release(4000);
    hits.release(4001);
    assert_eq!(hits.count(), 1);
}

#[test]
fn quota_of_100_in_15_minutes_admits_100() {
    let (quota, mut hits) = (Quota { limit: 100, window: 900_000 }, Hits::default());
    let admitted =
        (0..900_000).step_by(100).filter(|now| hits.reserve(quota, *now).is_ok()).count();
    assert_eq!(admitted, 100);
}
