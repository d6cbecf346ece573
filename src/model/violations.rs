//! Violations: which rules an input breaks, field by field. `parse` finds those of structure and
//! rules together; here are the two steps that it ends with, serde and garde. As one input may
//! break a rule hundreds of thousands of times, only the first [`MAX_SHOWN`] violations are
//! described; the others are counted.

use std::borrow::Cow;

use garde::{Path, Report, Validate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::characters::is_hidden;

/// Maximum number of violations of one input that are described.
pub const MAX_SHOWN: usize = 100;
/// Maximum number of violations that are counted; an input may have more.
pub const MAX_COUNTED: usize = 100_000;

/// Maximum length of a path in a violation, in characters.
pub(super) const MAX_PATH: usize = 300;

/// One broken rule. It never contains the value that broke it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Path of the field, e.g. `data.primary_sources[0].system`; empty for the input as a whole.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl Violation {
    /// Creates the violation of a field; `field` is its path.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Returns a name that the client chose as it may be shown: shortened, and without invisible
    /// and direction characters.
    pub fn printable_name(raw: &str) -> String {
        raw.chars().filter(|c| !is_hidden(*c)).take(100).collect()
    }

    /// Returns the violation with the path of this input in a larger document in front.
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

/// The first violations of an input, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// At most [`MAX_SHOWN`].
    pub shown: Vec<Violation>,
    /// Number of violations that are not in `shown`.
    pub omitted: usize,
}

impl Violations {
    /// Keeps the first `max` violations and counts the others.
    pub fn new(mut all: Vec<Violation>, max: usize) -> Self {
        let omitted = all.len().saturating_sub(max);
        all.truncate(max);
        all.shrink_to_fit();
        Self { shown: all, omitted }
    }

    /// Returns the number of all violations.
    pub fn count(&self) -> usize {
        self.shown.len().saturating_add(self.omitted)
    }
}

/// Adds a violation to a garde report: after the first [`MAX_SHOWN`] without path and message,
/// which take most of the memory, and after [`MAX_COUNTED`] not at all.
pub(in crate::model) fn report_violation(
    report: &mut Report,
    parent: &mut dyn FnMut() -> Path,
    message: Cow<'static, str>,
) {
    let has_more_than = |report: &Report, count: usize| report.iter().nth(count).is_some();
    if !has_more_than(report, MAX_SHOWN) {
        report.append(parent(), garde::Error::new(message));
    } else if !has_more_than(report, MAX_COUNTED) {
        report.append(Path::empty(), garde::Error::new(""));
    }
}

/// Deserializes a `T` without validating it.
///
/// # Errors
/// The first field that is missing, unknown or of another type.
pub fn deserialize<T: DeserializeOwned>(value: Value) -> Result<T, Vec<Violation>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        vec![from_serde_error(&path, &error.into_inner().to_string())]
    })
}

/// Validates a value.
///
/// # Errors
/// All rules that are broken; violations after the first [`MAX_SHOWN`] are empty and only serve to
/// be counted.
pub fn validate<T: Validate<Context = ()>>(value: &T) -> Result<(), Vec<Violation>> {
    value.validate().map_err(|report| from_report(&report))
}

fn from_report(report: &Report) -> Vec<Violation> {
    let described = report.iter().take(MAX_SHOWN);
    let mut found: Vec<_> =
        described.map(|(path, error)| Violation::new(path.to_string(), error.message())).collect();
    found.extend(report.iter().skip(MAX_SHOWN).map(|_| Violation::new("", "")));
    found
}

/// Converts an error of serde into a violation that has the path of the field and no value of the
/// client.
fn from_serde_error(path: &str, message: &str) -> Violation {
    // Parts of the path may be names that the client chose, of any length.
    let path: String = path.chars().filter(|c| !is_hidden(*c)).take(MAX_PATH).collect();
    let path = if path == "." { "" } else { path.as_str() };
    let join = |field: &str| match path {
        "" => field.to_owned(),
        // For an unknown field the path may already end with the field.
        path if path == field || path.ends_with(&format!(".{field}")) => path.to_owned(),
        path => format!("{path}.{field}"),
    };
    let quoted = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        Violation::new(join(quoted), "is required")
    } else if message.starts_with("unknown field") {
        Violation::new(join(&Violation::printable_name(quoted)), "is not a known field")
    } else if message.starts_with("duplicate field") {
        Violation::new(join(quoted), "must not be given twice")
    } else if let Some((_, expected)) = message.rsplit_once(", expected ") {
        let expected = expected.split(" at line ").next().unwrap_or(expected);
        Violation::new(path, format!("must be {}", without_rust(expected)))
    } else {
        Violation::new(path, "is not valid")
    }
}

/// Replaces names of Rust types, which serde gives as what it expected.
fn without_rust(expected: &str) -> &str {
    let is_integer = |name: &str| {
        name.strip_prefix(['u', 'i'])
            .is_some_and(|size| size == "size" || size.parse::<u8>().is_ok())
    };
    match expected.split(' ').next().unwrap_or_default() {
        "struct" | "map" => "an object",
        "tuple" | "enum" | "variant" => "a documented value",
        "f32" | "f64" => "a number",
        kind if is_integer(kind) => "a whole number",
        _ if expected == "a map" => "an object",
        _ if expected == "a sequence" => "a list",
        _ if expected == "a string" => "a text",
        _ => expected,
    }
}

#[cfg(test)]
mod tests;
