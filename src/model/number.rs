//! The canonical form of JSON numbers: `4000000.0` and `4e6` are stored and answered as `4000000`,
//! so that a client whose language writes numbers in another way changes nothing when it sends a
//! response back.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Up to here every whole `f64` is exact, and is the same number as an integer.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the same number as an integer, if it is a whole one.
#[expect(clippy::cast_possible_truncation, reason = "whole and within the range")]
pub(super) fn canonical(number: Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_EXACT => {
            (float as i64).into()
        }
        _ => number,
    }
}

/// Deserializes a number in canonical form.
pub(super) fn deserialize_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Number, D::Error> {
    Number::deserialize(deserializer).map(canonical)
}

/// Deserializes numbers by name, in canonical form.
pub(super) fn deserialize_numbers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Number>, D::Error> {
    let numbers = BTreeMap::<String, Number>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|(name, number)| (name, canonical(number))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_integers_and_others_are_unchanged() {
        for (sent, stored) in [
            ("4000000.0", "4000000"),
            ("4e6", "4000000"),
            ("-2.5e10", "-25000000000"),
            ("-0.0", "0"),
            ("0.10", "0.1"),
            ("1e-7", "1e-7"),
            ("1e300", "1e300"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            let number = |text: &str| serde_json::from_str::<Number>(text).expect("a number");
            assert_eq!(canonical(number(sent)), number(stored), "{sent}");
        }
    }
}
