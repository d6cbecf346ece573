//! The audit log: what was done to somebody's authority, and what one may ask of it.

use chrono::{DateTime, Utc};
use strum::{AsRefStr, EnumString, VariantNames};
use uuid::Uuid;

use super::page::PageRequest;
use super::violations::Violation;

/// Items a page, where the client does not say.
pub const DEFAULT_LIMIT: i64 = 50;

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames)]
pub enum Action {
    /// An API key was made.
    #[strum(serialize = "api_key.created")]
    KeyCreated,
    /// An API key was renamed or its life extended.
    #[strum(serialize = "api_key.updated")]
    KeyUpdated,
    /// An API key was replaced by another.
    #[strum(serialize = "api_key.rotated")]
    KeyRotated,
    /// An API key was ended.
    #[strum(serialize = "api_key.revoked")]
    KeyRevoked,
    /// A user was made by an administrator.
    #[strum(serialize = "user.created")]
    UserCreated,
    /// A user was changed by an administrator.
    #[strum(serialize = "user.updated")]
    UserUpdated,
    /// A user was removed.
    #[strum(serialize = "user.deleted")]
    UserDeleted,
    /// A user got another password.
    #[strum(serialize = "user.password_changed")]
    PasswordChanged,
}

/// What is asked of the audit log; every part narrows it.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditQuery {
    /// Done by the user of this name, without regard to case.
    pub actor: Option<String>,
    /// This was done.
    pub action: Option<Action>,
    /// To this user or API key.
    pub target: Option<Uuid>,
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
        let mut query = Self { actor: None, action: None, target: None, since: None, until: None, page };
        PageRequest::read(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "actor" if value.is_empty() || value.contains('\0') || value.chars().count() > 100 => {
                return Err("must be 1 to 100 characters without NUL".into());
            }
            "actor" => self.actor = Some(value.to_owned()),
            "action" => {
                let known = || format!("must be one of {}", Action::VARIANTS.join(", "));
                self.action = Some(value.parse().map_err(|_| known())?);
            }
            "target" => self.target = Some(Uuid::try_parse(value).map_err(|_| "must be a UUID")?),
            "since" => self.since = Some(instant(value)?),
            "until" => self.until = Some(instant(value)?),
            _ => return self.page.set(name, value),
        }
        Ok(())
    }
}

fn instant(value: &str) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(value).map(|instant| instant.to_utc());
    instant.map_err(|_| "must be an existing RFC 3339 date and time, its + written as %2B".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_an_effect_or_is_refused() {
        let parse = |name: &str, value: &str| AuditQuery::parse(&[(name.to_owned(), value.to_owned())]);
        let nothing = AuditQuery::parse(&[]).unwrap();
        for (name, value) in [
            ("actor", "eva"),
            ("action", "api_key.revoked"),
            ("target", "0193b0a4-0000-7000-8000-000000000000"),
            ("since", "2026-11-24T00:00:00Z"),
            ("until", "2026-11-24T00:00:00+01:00"),
            ("page", "2"),
            ("limit", "7"),
        ] {
            assert_ne!(parse(name, value).unwrap(), nothing, "{name}");
        }
        for (name, value) in
            [("actor", ""), ("action", "x"), ("target", "1"), ("since", "now"), ("limit", "0"), ("x", "y")]
        {
            assert_eq!(parse(name, value).unwrap_err()[0].field, name);
        }
    }
}
