//! What is asked of the audit log.

use chrono::{DateTime, Utc};
use strum::VariantNames;
use uuid::Uuid;

use super::{Action, Outcome};
use crate::model::page::PageRequest;
use crate::model::violations::Violation;

/// Items a page, where the client does not say.
const DEFAULT_LIMIT: i64 = 50;

/// Which actions: those named, and all of a noun (`api_key.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionFilter(Vec<&'static str>);

impl ActionFilter {
    /// The names of the actions.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    fn parse(value: &str) -> Result<Self, String> {
        let mut names = Vec::new();
        for part in value.split(',').map(str::trim) {
            let matches = |name: &&&'static str| match part.strip_suffix('*') {
                Some(noun) => noun.ends_with('.') && name.starts_with(noun),
                None => **name == part,
            };
            let before = names.len();
            names.extend(Action::VARIANTS.iter().filter(matches).copied());
            if names.len() == before {
                return Err(format!(
                    "must be a list of actions or nouns, such as api_key.*, of {}",
                    Action::VARIANTS.join(", ")
                ));
            }
            names.sort_unstable();
            names.dedup();
        }
        Ok(Self(names))
    }
}

/// What is asked of the audit log; every part narrows it.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditQuery {
    /// Done by the user of this name, without regard to case.
    pub actor: Option<String>,
    /// One of these was done.
    pub actions: Option<ActionFilter>,
    /// To the target of this name or id, without regard to case.
    pub target: Option<String>,
    /// Done or refused.
    pub outcome: Option<Outcome>,
    /// At this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl AuditQuery {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or breaks its rule.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let page = PageRequest { page: 1, limit: DEFAULT_LIMIT };
        let (actor, actions, target, outcome) = (None, None, None, None);
        let mut query = Self { actor, actions, target, outcome, since: None, until: None, page };
        PageRequest::read(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    /// The target as an id, if it is one.
    pub fn target_id(&self) -> Option<Uuid> {
        self.target.as_deref().and_then(|target| Uuid::try_parse(target).ok())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "actor" => self.actor = Some(short(value)?),
            "action" => self.actions = Some(ActionFilter::parse(value)?),
            "target" => self.target = Some(short(value)?),
            "outcome" => {
                self.outcome = Some(value.parse().map_err(|_| "must be success or refused")?)
            }
            "since" => self.since = Some(instant(value)?),
            "until" => self.until = Some(instant(value)?),
            _ => return self.page.set(name, value),
        }
        Ok(())
    }
}

fn short(value: &str) -> Result<String, String> {
    if value.is_empty() || value.contains('\0') || value.chars().count() > 100 {
        return Err("must be 1 to 100 characters without NUL".into());
    }
    Ok(value.to_owned())
}

fn instant(value: &str) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(value).map(|instant| instant.to_utc());
    instant.map_err(|_| "must be an existing RFC 3339 date and time, its + written as %2B".into())
}

#[cfg(test)]
mod tests;
