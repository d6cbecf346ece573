//! What is wrong with an input, field by field.

use garde::{Report, Validate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One broken rule. Never echoes the value that broke it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Path of the field, e.g. `data.primary_sources[0].system`; empty for the input as a whole.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl Violation {
    /// A violation of the field at `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// A name that the client chose, fit to be shown: cut, and without control characters.
    pub fn name_of(raw: &str) -> String {
        raw.chars().filter(|c| !c.is_control()).take(100).collect()
    }

    /// The same violation, seen from a document that holds this input at `prefix`.
    #[must_use]
    pub fn under(self, prefix: &str) -> Self {
        let field = if self.field.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.field) };
        Self { field, ..self }
    }
}

/// Reads a `T` from JSON and judges it by its rules.
///
/// # Errors
/// All rules that are broken; where the shape itself is wrong (a missing, unknown or mistyped field), the first.
pub fn parse<T: DeserializeOwned + Validate<Context = ()>>(value: Value) -> Result<T, Vec<Violation>> {
    let parsed: T = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        vec![shape_violation(&path, &error.into_inner().to_string())]
    })?;
    judge(&parsed)?;
    Ok(parsed)
}

/// Judges a value by its rules.
///
/// # Errors
/// All rules that are broken.
pub fn judge<T: Validate<Context = ()>>(value: &T) -> Result<(), Vec<Violation>> {
    value.validate().map_err(violations)
}

fn violations(report: Report) -> Vec<Violation> {
    report.iter().map(|(path, error)| Violation::new(path.to_string(), error.message())).collect()
}

/// Puts serde's words into ours: the field's path where it belongs, and no value of the client's.
pub fn shape_violation(path: &str, message: &str) -> Violation {
    let path = if path == "." { "" } else { path };
    let join = |field: &str| match path {
        "" => field.to_owned(),
        // For an unknown field the path may name the field itself already.
        path if path == field || path.ends_with(&format!(".{field}")) => path.to_owned(),
        path => format!("{path}.{field}"),
    };
    let quoted = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        Violation::new(join(quoted), "is required")
    } else if message.starts_with("unknown field") {
        Violation::new(join(&Violation::name_of(quoted)), "is not a known field")
    } else if message.starts_with("duplicate field") {
        Violation::new(join(quoted), "must not be given twice")
    } else if let Some((_, expected)) = message.rsplit_once(", expected ") {
        let expected = expected.split(" at line ").next().unwrap_or(expected);
        Violation::new(path, format!("must be {expected}"))
    } else {
        Violation::new(path, "is not valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_errors_become_violations_without_values() {
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
        ] {
            assert_eq!(shape_violation(path, message), Violation::new(field, text));
        }
    }

    #[test]
    fn a_prefix_moves_the_path() {
        assert_eq!(Violation::new("name", "m").under("metrics[3]").field, "metrics[3].name");
        assert_eq!(Violation::new("", "m").under("metrics[3]").field, "metrics[3]");
    }
}
