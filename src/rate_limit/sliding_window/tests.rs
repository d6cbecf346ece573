//! Tests of `rate_limit::sliding_window`.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever the history: no window of any position holds more than the quota, and who waits
    /// for as long as it is told gets through, and not a second too late.
    #[test]
    fn never_more_than_so_many_and_an_honest_wait(
        most in 1_usize..8,
        window in 1_i64..5_000,
        steps in proptest::collection::vec((0_i64..3_000, any::<bool>(), any::<bool>()), 1..120),
    ) {
        let (quota, mut hits, mut granted, mut now) = (Quota { most, window }, Hits::default(), Vec::new(), 0_i64);
        for (pause, gives_back, waits) in steps {
            now += pause;
            match hits.reserve(quota, now) {
                Ok(standing) => {
                    prop_assert!(standing.remaining < most && standing.reset <= window);
                    if gives_back {
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
                    }
                    // Not a millisecond less would do.
                    else { prop_assert!(hits.clone().reserve(quota, now + wait - 1).is_err()); }
                }
            }
            prop_assert!(hits.count() <= most);
        }
        for begin in &granted {
            let inside = granted.iter().filter(|at| (*begin..*begin + window).contains(*at)).count();
            prop_assert!(inside <= most, "{inside} from {begin} on");
        }
    }
}

#[test]
fn a_clock_that_goes_backwards_takes_nothing_away() {
    let (quota, mut hits) = (Quota { most: 2, window: 1000 }, Hits::default());
    assert!(hits.reserve(quota, 5000).is_ok());
    assert!(hits.reserve(quota, 4000).is_ok());
    assert_eq!(hits.reserve(quota, 4500), Err(Wait(500)));
    assert_eq!(hits, Hits::of(vec![5000, 4000]));
    hits.release(4000);
    hits.release(4001);
    assert_eq!(hits.count(), 1);
}

#[test]
fn a_hundred_a_quarter_of_an_hour_is_a_hundred() {
    let (quota, mut hits) = (Quota { most: 100, window: 900_000 }, Hits::default());
    let through = (0..900_000).step_by(100).filter(|now| hits.reserve(quota, *now).is_ok()).count();
    assert_eq!(through, 100);
}
