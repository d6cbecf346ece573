//! The parameters of reads of versions: which two are compared, and an instant of the past.

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::model::page::{PageRequest, ParameterError};
use crate::model::text::Text100;
use crate::model::violations::Violation;

/// Why a text is no version.
pub const VERSION_RULE: &str = "must be a version of the list of versions";

/// Whether a text can be a version: `1.2.3` of metrics, `3` of business domains.
pub fn is_version(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// The versions that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffQuery {
    pub from: String,
    pub to: String,
}

impl DiffQuery {
    /// Parses `from` and `to`, which must differ: to compare a version with itself is a mistake of
    /// a program that would otherwise take every item for unchanged.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated, missing or no version.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let (mut from, mut to) = (None, None);
        PageRequest::parse_with(parameters, |name, value| {
            let place = match name {
                "from" => &mut from,
                "to" => &mut to,
                _ => return Err("is not a known parameter".into()),
            };
            if !is_version(value) {
                return Err(VERSION_RULE.into());
            }
            *place = Some(value.to_owned());
            Ok(())
        })?;
        match (from, to) {
            (Some(from), Some(to)) if from == to => {
                Err(vec![Violation::new("to", "must be another version than `from`")])
            }
            (Some(from), Some(to)) => Ok(Self { from, to }),
            (from, to) => {
                let missing = [("from", from.is_none()), ("to", to.is_none())];
                let missing = missing.iter().filter(|(_, is_missing)| *is_missing);
                Err(missing.map(|(name, _)| Violation::new(*name, "is required")).collect())
            }
        }
    }
}

/// Takes `as_of` out of the parameters of an item.
///
/// # Errors
/// If it is repeated, no instant, or later than `now`.
pub fn take_as_of(
    parameters: &mut Vec<(String, String)>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Vec<Violation>> {
    let (taken, rest): (Vec<_>, Vec<_>) =
        std::mem::take(parameters).into_iter().partition(|(name, _)| name == "as_of");
    *parameters = rest;
    let mut instant = None;
    PageRequest::parse_with(&taken, |_, value| {
        instant = Some(past_instant(value, now)?);
        Ok(())
    })?;
    Ok(instant)
}

/// Parses an instant that is not later than `now`.
pub(in crate::model) fn past_instant(
    value: &str,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, ParameterError> {
    let parsed = DateTime::parse_from_rfc3339(value)
        .map_err(|_| "must be an RFC 3339 time, e.g. 2026-01-31T12:00:00Z")?;
    if parsed > now {
        return Err("must not be in the future".into());
    }
    Ok(parsed.to_utc())
}

/// Which version of a metric is restored.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricRestore {
    /// A version whose content is kept, e.g. `1.2.0`.
    #[garde(dive)]
    pub version: Text100,
}

/// Which version of a business domain is restored.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessDomainRestore {
    /// A version whose content is kept, e.g. 3.
    #[garde(range(min = 1))]
    #[schema(minimum = 1)]
    pub version: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn fields(violations: Vec<Violation>) -> Vec<String> {
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn two_different_versions_are_compared() {
        let query = DiffQuery::parse(&parameters(&[("to", "1.1.0"), ("from", "1.0.0")])).unwrap();
        assert_eq!(query, DiffQuery { from: "1.0.0".into(), to: "1.1.0".into() });
        for (bad, field) in [
            (vec![("from", "1.0.0"), ("to", "1.0.0")], "to"),
            (vec![("from", "1.0.0"), ("to", "latest")], "to"),
            (vec![("from", "1.0.0\0"), ("to", "1.1.0")], "from"),
            (vec![("to", "1.0.0")], "from"),
            (vec![("from", "1"), ("to", "2"), ("to", "3")], "to"),
            (vec![("from", "1"), ("to", "2"), ("page", "1")], "page"),
        ] {
            let refused = DiffQuery::parse(&parameters(&bad)).unwrap_err();
            assert_eq!(fields(refused), [field], "{bad:?}");
        }
        assert_eq!(fields(DiffQuery::parse(&[]).unwrap_err()), ["from", "to"]);
    }

    #[test]
    fn instant_of_the_past_is_taken_out_of_the_parameters() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut given = parameters(&[("fields", "name"), ("as_of", "2027-01-15T08:00:00Z")]);
        assert_eq!(take_as_of(&mut given, now), Ok(Some(now)));
        assert_eq!(given, parameters(&[("fields", "name")]));
        assert_eq!(take_as_of(&mut given, now), Ok(None));
        for bad in ["2027-01-15T08:00:01Z", "yesterday", ""] {
            let refused = take_as_of(&mut parameters(&[("as_of", bad)]), now).unwrap_err();
            assert_eq!(fields(refused), ["as_of"], "{bad}");
        }
        let twice = [("as_of", "2026-01-01T00:00:00Z"), ("as_of", "2026-01-01T00:00:00Z")];
        assert!(take_as_of(&mut parameters(&twice), now).is_err());
    }
}
