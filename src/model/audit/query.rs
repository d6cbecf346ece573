//! The query parameters of the audit log.

use chrono::{DateTime, Utc};
use strum::VariantNames;
use uuid::Uuid;

use super::{Action, AuditOutcome};
use crate::model::page::{PageRequest, ParameterError};
use crate::model::violations::Violation;

/// Items per page by default.
const DEFAULT_LIMIT: i64 = 50;

/// A set of actions, from their names or from nouns (`api_key.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionFilter(Vec<&'static str>);

impl ActionFilter {
    /// Returns the names of the actions.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    fn parse(value: &str) -> Result<Self, ParameterError> {
        let mut names = Vec::new();
        for part in value.split(',').map(str::trim) {
            let matches = |name: &&&'static str| match part.strip_suffix('*') {
                Some(noun) => noun.ends_with('.') && name.starts_with(noun),
                None => **name == part,
            };
            let before = names.len();
            names.extend(Action::VARIANTS.iter().filter(matches).copied());
            if names.len() == before {
                return Err(ParameterError::from(format!(
                    "must be a list of actions or nouns, such as api_key.*, of {}",
                    Action::VARIANTS.join(", ")
                )));
            }
            names.sort_unstable();
            names.dedup();
        }
        Ok(Self(names))
    }
}

/// A query of the audit log; all conditions must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditQuery {
    /// User name, compared case-insensitively.
    pub actor: Option<String>,
    pub actions: Option<ActionFilter>,
    /// Name (compared case-insensitively) or id.
    pub target: Option<String>,
    pub outcome: Option<AuditOutcome>,
    /// Events at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Events before this time.
    pub until: Option<DateTime<Utc>>,
    pub page: PageRequest,
}

impl AuditQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let page = PageRequest { page: 1, limit: DEFAULT_LIMIT };
        let (actor, actions, target, outcome) = (None, None, None, None);
        let mut query = Self { actor, actions, target, outcome, since: None, until: None, page };
        PageRequest::parse_with(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    /// Returns the target as an id, if it is one.
    pub fn target_id(&self) -> Option<Uuid> {
        self.target.as_deref().and_then(|target| Uuid::try_parse(target).ok())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        match name {
            "actor" => self.actor = Some(name_or_id(value)?),
            "action" => self.actions = Some(ActionFilter::parse(value)?),
            "target" => self.target = Some(name_or_id(value)?),
            "outcome" => {
                self.outcome = Some(value.parse().map_err(|_| "must be success or refused")?);
            }
            "since" => self.since = Some(instant(value)?),
            "until" => self.until = Some(instant(value)?),
            _ => return self.page.set(name, value),
        }
        Ok(())
    }
}

fn name_or_id(value: &str) -> Result<String, ParameterError> {
    if value.is_empty() || value.contains('\0') || value.chars().count() > 100 {
        return Err("must be 1 to 100 characters without NUL".into());
    }
    Ok(value.to_owned())
}

fn instant(value: &str) -> Result<DateTime<Utc>, ParameterError> {
    let instant = DateTime::parse_from_rfc3339(value).map(|instant| instant.to_utc());
    instant.map_err(|_| "must be an existing RFC 3339 date and time, its + written as %2B".into())
}

#[cfg(test)]
mod tests;
