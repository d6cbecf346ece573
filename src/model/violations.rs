//! What is wrong with an input, field by field. An input may break a rule hundreds of thousands of
//! times: the first
//! [`MAX_SHOWN`] violations are kept in full, the others are only counted.

use std::borrow::Cow;

use garde::{Path, Report, Validate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::characters::is_hidden;

/// How many violations of one input are described.
pub const MAX_SHOWN: usize = 100;
/// How many are counted; an input with more has at least so many.
pub const MAX_COUNTED: usize = 100_000;

/// How much of a path is shown, in characters.
const MAX_PATH: usize = 300;

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

    /// A name that the client chose, fit to be shown: cut, and without characters that hide or
    /// disguise.
    pub fn name_of(raw: &str) -> String {
        raw.chars().filter(|c| !is_hidden(*c)).take(100).collect()
    }

    /// The same violation, seen from a document that holds this input at `prefix`.
    #[must_use]
    pub fn under(self, prefix: &str) -> Self {
        let field = if self.field.is_empty() {
            prefix.to_owned()
        } else {
            format!("{prefix}.{}", self.field)
        };
        Self { field, ..self }
    }
}

/// The first violations of an input, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// At most [`MAX_SHOWN`].
    pub shown: Vec<Violation>,
    /// How many more there are.
    pub omitted: usize,
}

impl Violations {
    /// Of all violations, those that are described up to `max`.
    pub fn new(mut all: Vec<Violation>, max: usize) -> Self {
        let omitted = all.len().saturating_sub(max);
        all.truncate(max);
        all.shrink_to_fit();
        Self { shown: all, omitted }
    }

    /// How many there are in all.
    pub fn count(&self) -> usize {
        self.shown.len().saturating_add(self.omitted)
    }
}

/// Notes a violation in a report: beyond the first [`MAX_SHOWN`] without its path and its text,
/// which take most of the room, and beyond [`MAX_COUNTED`] not at all.
pub(in crate::model) fn note(
    report: &mut Report,
    parent: &mut dyn FnMut() -> Path,
    flaw: Cow<'static, str>,
) {
    let has_more_than = |report: &Report, count: usize| report.iter().nth(count).is_some();
    if !has_more_than(report, MAX_SHOWN) {
        report.append(parent(), garde::Error::new(flaw));
    } else if !has_more_than(report, MAX_COUNTED) {
        report.append(Path::empty(), garde::Error::new(""));
    }
}

/// Reads a `T` from JSON and judges it by its rules.
///
/// # Errors
/// All rules that are broken, see [`judge`]; where the shape itself is wrong (a missing, unknown or
/// mistyped field), the first.
pub fn parse<T: DeserializeOwned + Validate<Context = ()>>(
    value: Value,
) -> Result<T, Vec<Violation>> {
    let parsed = shape(value)?;
    judge(&parsed)?;
    Ok(parsed)
}

/// Reads a `T` from JSON, whatever its rules say.
///
/// # Errors
/// The first field that is missing, unknown or mistyped.
pub fn shape<T: DeserializeOwned>(value: Value) -> Result<T, Vec<Violation>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        vec![shape_violation(&path, &error.into_inner().to_string())]
    })
}

/// Judges a value by its rules.
///
/// # Errors
/// All rules that are broken; those after the first [`MAX_SHOWN`] are empty, and there only to be
/// counted.
pub fn judge<T: Validate<Context = ()>>(value: &T) -> Result<(), Vec<Violation>> {
    value.validate().map_err(violations)
}

fn violations(report: Report) -> Vec<Violation> {
    let described = report.iter().take(MAX_SHOWN);
    let mut found: Vec<_> =
        described.map(|(path, error)| Violation::new(path.to_string(), error.message())).collect();
    found.extend(report.iter().skip(MAX_SHOWN).map(|_| Violation::new("", "")));
    found
}

/// Puts serde's words into ours: the field's path where it belongs, and no value of the client's.
pub fn shape_violation(path: &str, message: &str) -> Violation {
    // A path may go through names that the client chose, of any length.
    let path: String = path.chars().filter(|c| !is_hidden(*c)).take(MAX_PATH).collect();
    let path = if path == "." { "" } else { path.as_str() };
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
mod tests;
