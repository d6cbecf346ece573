//! Parses a JSON value into a type of the model. All violations are found in one pass, so that a
//! client need not correct them one by one: those of the structure (`structure`) and, in the parts
//! that have the right one, those of the rules (garde).

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::completeness::Needs;
use super::shape::Shape;
use super::structure::{Structure, position};
use super::trusted::trusting;
use super::violations::{MAX_SHOWN, Violation, deserialize, validate};
use super::warnings::Warnings;

/// Deserializes a `T` and validates it.
///
/// # Errors
/// All violations, in the order of the fields of `T`; those after the first [`MAX_SHOWN`] are empty
/// and only serve to be counted.
pub fn parse<T>(value: Value) -> Result<T, Vec<Violation>>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    parse_showing(value, MAX_SHOWN)
}

/// As [`parse`], whatever the status is that the value gives itself.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_needing<T>(value: Value, needs: Needs) -> Result<T, Vec<Violation>>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    parse_with(value, needs, MAX_SHOWN)
}

/// Cleans the rich texts of a body, and parses it without cleaning them again. Also returns what
/// was removed from them.
///
/// # Errors
/// As [`parse`].
pub fn parse_body<T>(mut body: Map<String, Value>) -> Result<(T, Warnings), Vec<Violation>>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    let warnings = Warnings::clean_body(&mut body);
    Ok((trusting(|| parse(Value::Object(body)))?, warnings))
}

/// As [`parse`], but only the first `max_shown` violations, at most [`MAX_SHOWN`], are described.
/// If the structure has more of them, the rules are not checked: thousands of wrong items in one
/// document would take long, and what is found in them is not shown.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_showing<T>(value: Value, max_shown: usize) -> Result<T, Vec<Violation>>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    let needs = Needs::of(&value, &Shape::of::<T>());
    parse_with(value, needs, max_shown)
}

fn parse_with<T>(mut value: Value, needs: Needs, max_shown: usize) -> Result<T, Vec<Violation>>
where
    T: DeserializeOwned + Validate<Context = ()> + ToSchema + 'static,
{
    let shape = Shape::of::<T>();
    let structure = Structure::check(&mut value, &shape, needs, max_shown);
    if !structure.is_repaired() {
        return Err(structure.violations);
    }
    let parsed = match deserialize::<T>(value) {
        Ok(parsed) => parsed,
        // What the schema does not say, or samples that are not accepted.
        Err(violations) if structure.violations.is_empty() => return Err(violations),
        Err(_) => return Err(structure.violations),
    };
    let broken = validate(&parsed).err().unwrap_or_default();
    if structure.violations.is_empty() && broken.is_empty() {
        return Ok(parsed);
    }
    let (counted, mut found): (Vec<_>, Vec<_>) = broken
        .into_iter()
        .filter(|violation| violation.message.is_empty() || !structure.replaces(&violation.field))
        .partition(|violation| violation.message.is_empty());
    found.splice(..0, structure.violations);
    found.sort_by_cached_key(|violation| position(&violation.field, &shape));
    found.iter_mut().skip(max_shown).for_each(|extra| *extra = Violation::new("", ""));
    found.extend(counted);
    Err(found)
}

#[cfg(test)]
mod tests;
