//! Finds names in `.env` that are meant for MDL but are no variable of it: misspelt ones, and those
//! that begin like ours. The file may also have variables of other programs, which are ignored.

use std::fmt;

/// Beginnings of names that no other program uses.
const OWN_PREFIXES: [&str; 5] =
    ["MDL_", "CIRCUIT_BREAKER_", "RATE_LIMIT_", "DB_POOL_", "JWT_REFRESH_"];
/// Variables with such a beginning that are read elsewhere: by the build and by the tests.
const READ_ELSEWHERE: [&str; 2] = ["MDL_REVISION", "MDL_TEST_"];
/// Least similarity of a misspelt name to the right one, from 0 to 1: two letters of ten.
const SIMILARITY: f64 = 0.8;
/// Length below which a similar name is more likely another one (`POST`, `PATH`).
const MIN_LENGTH: usize = 6;

/// A name that is probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    pub name: String,
    /// The most similar variable of MDL, if there is one.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unknown variable {} in .env ignored", self.name)?;
        match &self.suggestion {
            Some(suggestion) => write!(formatter, "; did you mean {suggestion}?"),
            None => Ok(()),
        }
    }
}

/// Returns the names that are probably mistakes, given all variables of MDL.
pub fn find(names: impl IntoIterator<Item = String>, known: &[String]) -> Vec<UnknownVariable> {
    names.into_iter().filter_map(|name| judge(name, known)).collect()
}

fn judge(name: String, known: &[String]) -> Option<UnknownVariable> {
    if known.contains(&name) || READ_ELSEWHERE.iter().any(|other| name.starts_with(other)) {
        return None;
    }
    let upper = name.to_uppercase();
    let similarity = |variable: &String| strsim::normalized_damerau_levenshtein(&upper, variable);
    let best = known
        .iter()
        .map(|variable| (similarity(variable), variable))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let suggestion = best
        .filter(|(similarity, _)| *similarity >= SIMILARITY && upper.len() >= MIN_LENGTH)
        .map(|(_, variable)| variable.clone());
    let is_own = OWN_PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    (is_own || suggestion.is_some()).then_some(UnknownVariable { name, suggestion })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestions(name: &str) -> Vec<Option<String>> {
        let known =
            ["HOST", "PORT", "DATABASE_URL", "DB_POOL_MAX", "RATE_LIMIT_ENABLED", "SMTP_URL"]
                .map(str::to_owned);
        find([name.to_owned()], &known).into_iter().map(|unknown| unknown.suggestion).collect()
    }

    #[test]
    fn misspelt_names_are_found_with_the_right_one() {
        for (name, right) in [
            ("DATABSE_URL", "DATABASE_URL"),
            ("RATELIMIT_ENABLED", "RATE_LIMIT_ENABLED"),
            ("RATE_LIMITS_ENABLED", "RATE_LIMIT_ENABLED"),
            ("database_url", "DATABASE_URL"),
            ("SMPT_URL", "SMTP_URL"),
        ] {
            assert_eq!(suggestions(name), [Some(right.to_owned())], "{name}");
        }
    }

    #[test]
    fn name_that_begins_like_ours_is_found_without_a_similar_one() {
        assert_eq!(suggestions("MDL_PORT_NUMBER"), [None]);
        assert_eq!(suggestions("CIRCUIT_BREAKER_COLOUR"), [None]);
    }

    #[test]
    fn names_of_other_programs_are_ignored() {
        for name in [
            "PATH",
            "POST",
            "HOSTS",
            "NODE_ENV",
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "COMPOSE_PROJECT_NAME",
            "AWS_PROFILE",
            "MDL_REVISION",
            "MDL_TEST_POSTGRES",
            "DB_NAME",
        ] {
            assert_eq!(suggestions(name), [], "{name}");
        }
    }
}
