//! Tests of `http::middleware::bodies`.

use super::*;

const RATE: usize = 64 * 1024;

#[test]
fn body_at_the_minimum_rate_keeps_its_deadline_ahead() {
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut deadline = Deadline::new(start);
    assert_eq!(deadline.due, at(10_000));
    for second in 1..=30 {
        deadline.extend(RATE, at(second * 1000));
        assert_eq!(deadline.due, at((second + 10) * 1000));
    }
    // Half the rate loses half a second each second.
    deadline.extend(RATE / 2, at(31_000));
    assert_eq!(deadline.due, at(40_500));
}

#[test]
fn fast_body_earns_no_longer_silence() {
    let start = Instant::now();
    let mut deadline = Deadline::new(start);
    deadline.extend(8 * 1024 * 1024, start);
    assert_eq!(deadline.due, start + GRACE);
    let later = start + Duration::from_secs(5);
    deadline.extend(8 * 1024 * 1024, later);
    assert_eq!(deadline.due, later + GRACE);
}
