//! Tests of `model::violations`.

use super::*;

#[test]
fn serde_error_becomes_a_violation_without_the_value() {
    for (path, message, field, text) in [
        (".", "missing field `name` at line 1 column 2", "name", "is required"),
        ("data", "missing field `time_grain`", "data.time_grain", "is required"),
        ("x", "unknown field `x`, expected `a` or `b`", "x", "is not a known field"),
        (
            "tier",
            "unknown variant `secret`, expected one of `Tier-1`, `Tier-2`",
            "tier",
            "must be one of `Tier-1`, `Tier-2`",
        ),
        (
            "data",
            "invalid type: string \"secret\", expected a boolean at line 3 column 4",
            "data",
            "must be a boolean",
        ),
        (
            "a",
            "invalid length 4, expected struct Alignment with 4 elements",
            "a",
            "must be an object",
        ),
        ("a", "invalid type: string \"x\", expected u16", "a", "must be a whole number"),
        ("a", "invalid type: string \"x\", expected a map", "a", "must be an object"),
    ] {
        assert_eq!(from_serde_error(path, message), Violation::new(field, text));
    }
}

#[test]
fn prefix_is_put_before_the_path() {
    assert_eq!(Violation::new("name", "m").under("metrics[3]").field, "metrics[3].name");
    assert_eq!(Violation::new("", "m").under("metrics[3]").field, "metrics[3]");
}
