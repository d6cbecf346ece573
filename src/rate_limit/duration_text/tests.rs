//! Tests of `rate_limit::duration_text`.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Reads a text such as "12 minutes". Returns the duration and its unit, in milliseconds.
fn parse(text: &str) -> (u64, u64) {
    let (count, name) = text.split_once(' ').expect("a count and a unit");
    let count: u64 = count.parse().unwrap();
    assert_eq!(name.ends_with('s'), count != 1, "{text}");
    let unit = match name.trim_end_matches('s') {
        "hour" => HOUR,
        "minute" => MINUTE,
        "second" => SECOND,
        other => panic!("unit {other}"),
    };
    (count * unit, unit)
}

proptest! {
    #[test]
    fn wait_is_rounded_up_by_less_than_half(milliseconds in 0_u64..200_000_000) {
        let (said, unit) = parse(&wait_text(Duration::from_millis(milliseconds)));
        // The header Retry-After, which has whole seconds.
        let header = milliseconds.div_ceil(SECOND).max(1) * SECOND;
        prop_assert!(said >= header, "a client that waits as long is accepted");
        prop_assert!(said - header < unit);
        prop_assert!((said - header) * 2 < header.max(2));
    }

    #[test]
    fn waits_keep_their_order(one in 0_u64..100_000_000, other in 0_u64..100_000_000) {
        let (shorter, longer) = (one.min(other), one.max(other));
        let said = |wait| parse(&wait_text(Duration::from_millis(wait))).0;
        prop_assert!(said(shorter) <= said(longer));
    }

    #[test]
    fn window_is_exact(seconds in 1_u64..=86_400) {
        let text = window_text(i64::try_from(seconds * SECOND).unwrap());
        let text = if text.contains(' ') { text } else { format!("1 {text}") };
        prop_assert_eq!(parse(&text).0, seconds * SECOND);
    }
}

#[test]
fn durations_have_readable_units() {
    for (milliseconds, text) in [
        (0, "1 second"),
        (1, "1 second"),
        (1001, "2 seconds"),
        (59_001, "1 minute"),
        (61_000, "61 seconds"),
        (119_000, "119 seconds"),
        (121_000, "3 minutes"),
        (690_000, "12 minutes"),
        (3_600_000, "1 hour"),
        (5_400_000, "90 minutes"),
        (7_200_001, "3 hours"),
        (86_400_000, "24 hours"),
    ] {
        assert_eq!(wait_text(Duration::from_millis(milliseconds)), text, "{milliseconds}");
    }
    for (milliseconds, text) in [
        (1000, "second"),
        (1500, "1500 milliseconds"),
        (60_000, "minute"),
        (90_000, "90 seconds"),
        (900_000, "15 minutes"),
        (3_600_000, "hour"),
        (86_400_000, "24 hours"),
    ] {
        assert_eq!(window_text(milliseconds), text);
    }
}
