//! Tests of `actors::db_breaker::latency`.

use proptest::prelude::*;

use super::*;

#[test]
fn buckets_are_contiguous_and_in_order() {
    assert_eq!(bucket_index(0), 0);
    let mut next = 0_u64;
    for index in 0..BUCKETS {
        let maximum = bucket_maximum(index);
        let first = u32::try_from(next).unwrap();
        assert_eq!(bucket_index(first), index, "{first}");
        assert_eq!(bucket_index(u32::try_from(maximum).unwrap()), index, "{maximum}");
        next = maximum + 1;
    }
    assert_eq!(next, 1 << MAX_BITS);
    assert_eq!(bucket_index(u32::MAX), BUCKETS - 1);
}

#[test]
fn empty_histogram_reports_nothing() {
    assert_eq!(LatencyHistogram::default().report(), None);
}

#[test]
fn percentiles_of_known_latencies() {
    let mut histogram = LatencyHistogram::default();
    for milliseconds in 1..=100 {
        histogram.record(Duration::from_millis(milliseconds));
    }
    let report = histogram.report().expect("latencies");
    assert!((report.mean - 50.5).abs() < 0.01, "{report:?}");
    for (found, exact) in [(report.p50, 50.0), (report.p95, 95.0), (report.p99, 99.0)] {
        assert!((exact..=exact * 1.125).contains(&found), "{report:?}");
    }
}

proptest! {
    #[test]
    fn percentiles_are_at_most_an_eighth_too_high(
        mut micros in proptest::collection::vec(1_u32..100_000_000, 1..300),
    ) {
        let (mut one, mut other) = (LatencyHistogram::default(), LatencyHistogram::default());
        for (at, latency) in micros.iter().enumerate() {
            let histogram = if at % 2 == 0 { &mut one } else { &mut other };
            histogram.record(Duration::from_micros((*latency).into()));
        }
        one.merge(&other);
        micros.sort_unstable();
        for percent in [50_usize, 95, 99] {
            let rank = (micros.len() * percent).div_ceil(100);
            let exact = u64::from(micros[rank - 1]);
            let found = one.percentile(percent as u64);
            prop_assert!((exact..=exact + exact / 8).contains(&found), "{found} for {exact}");
        }
    }
}
