//! The canonical form of JSON numbers: `4000000.0` and `4e6` are stored and answered as `4000000`,
//! so that a client whose language writes numbers in another way changes nothing when it sends a
//! response back.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// 2^63: the first `f64` that is no `i64`.
const I64_END: f64 = 9_223_372_036_854_775_808.0;
/// 2^64: the first `f64` that is no `u64`.
const U64_END: f64 = 18_446_744_073_709_551_616.0;

/// Returns the same number as an integer, if it is a whole one that JSON libraries read as such.
/// `PostgreSQL` returns it in that form, too.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and within the range"
)]
pub(super) fn canonical(number: Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => {
            if (-I64_END..I64_END).contains(&float) {
                (float as i64).into()
            } else if (I64_END..U64_END).contains(&float) {
                (float as u64).into()
            } else {
                number
            }
        }
        _ => number,
    }
}

/// Deserializes a number in canonical form, where a field may be absent.
pub(super) fn deserialize_some_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Number>, D::Error> {
    Number::deserialize(deserializer).map(|number| Some(canonical(number)))
}

/// Deserializes numbers by name, in canonical form, where a field may be absent.
pub(super) fn deserialize_some_numbers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, Number>>, D::Error> {
    let numbers = BTreeMap::<String, Number>::deserialize(deserializer)?;
    Ok(Some(numbers.into_iter().map(|(name, number)| (name, canonical(number))).collect()))
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
            ("1e16", "10000000000000000"),
            ("-9.223372036854775808e18", "-9223372036854775808"),
            ("1.8e19", "18000000000000000000"),
            ("1e20", "1e20"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            let number = |text: &str| serde_json::from_str::<Number>(text).expect("a number");
            assert_eq!(canonical(number(sent)), number(stored), "{sent}");
        }
    }
}
