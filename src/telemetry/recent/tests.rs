//! Readings of real instruments, at instants that the test chooses.

use std::time::{Duration, Instant};

use super::*;
use crate::telemetry::instruments::Instruments;

const ROUTE: [&str; 3] = ["/api/v1/metrics", "GET", "200"];

fn answer(instruments: &Instruments, number: usize, milliseconds: u64) {
    for _ in 0..number {
        instruments.http.responses.count(ROUTE, Duration::from_millis(milliseconds));
    }
}

#[test]
fn intervals_are_the_differences_of_readings() {
    let (instruments, readings) = (Instruments::new().unwrap(), RecentReadings::default());
    let start = Instant::now();
    answer(&instruments, 7, 3);
    readings.record(start, Totals::read(&instruments, 2));
    answer(&instruments, 90, 2);
    answer(&instruments, 10, 700);
    instruments.http.responses.count(["/", "GET", "500"], Duration::from_mins(1));
    instruments.http.count_server_error(500);
    instruments.limits.count_rejection("general");
    readings.record(start + EVERY, Totals::read(&instruments, 5));
    readings.record(start + EVERY * 2, Totals::read(&instruments, 5));

    let intervals = readings.intervals(start + EVERY * 2);
    let ages: Vec<_> = intervals.iter().map(|(age, _)| *age).collect();
    assert_eq!(ages, [EVERY, Duration::ZERO]);
    let (first, second) = (&intervals[0].1, &intervals[1].1);
    assert_eq!((first.requests, first.server_errors, first.rate_limited), (101, 1, 1));
    assert_eq!(first.refused_by_circuits, 3);
    assert!((first.rate() - 20.2).abs() < 1e-9, "{}", first.rate());
    assert!((first.error_ratio().unwrap() - 1.0 / 101.0).abs() < 1e-9);
    // 90 of 101 are in the bucket from 1 to 2.5 ms, 10 in that from 0.5 to 1 s, one in none.
    let median = first.quantile(0.5).unwrap();
    assert!((median - (0.001 + 0.0015 * 50.5 / 90.0)).abs() < 1e-9, "{median}");
    let high = first.quantile(0.95).unwrap();
    assert!((0.5..1.0).contains(&high), "{high}");
    assert_eq!(first.quantile(1.0), Some(10.0));
    assert_eq!((second.requests, second.quantile(0.5), second.error_ratio()), (0, None, None));
    let all = MeasuredInterval::sum(intervals.iter().map(|(_, interval)| interval));
    assert_eq!((all.requests, all.took, all.quantile(0.5)), (101, EVERY * 2, Some(median)));
}

#[test]
fn readings_are_dropped_after_a_quarter_of_an_hour() {
    let (readings, start) = (RecentReadings::default(), Instant::now());
    for number in 0..1000 {
        readings.record(start + EVERY * number, Totals::default());
    }
    let intervals = readings.intervals(start + EVERY * 999);
    let spans = usize::try_from(WINDOW.as_secs() / EVERY.as_secs()).unwrap();
    assert_eq!((intervals.len(), intervals[0].0 + EVERY), (spans, WINDOW));
    // After a pause, e.g. of a suspended machine, nothing is left to compare with.
    readings.record(start + EVERY * 999 + WINDOW * 2, Totals::default());
    assert!(readings.intervals(start + EVERY * 999 + WINDOW * 2).is_empty());
}
