//! API keys: what programs authenticate with, and the rules of their lives.

use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::PageRequest;
use super::rich_text::RichText;
use super::scopes::Scopes;
use super::text::Text100;
use super::users::Role;
use super::violations::Violation;

/// The most live keys that one user may have.
pub const MAX_LIVE: i64 = 100;
/// The largest rate limit of a key: requests per window of a caller.
const MAX_RATE_LIMIT: u32 = 100_000;
/// RFC 3339 has four digits for a year.
const LAST_YEAR: i32 = 9999;

/// Whether a key can be used.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[schema(as = ApiKeyStatus)]
pub enum KeyStatus {
    /// It can.
    Active,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
}

impl KeyStatus {
    /// Of a key at this moment; one that was revoked stays so after its expiry.
    pub fn of(revoked: bool, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        if revoked {
            Self::Revoked
        } else if has_expired(expires_at, now) {
            Self::Expired
        } else {
            Self::Active
        }
    }
}

/// Whether an expiry has come: in the very moment that it names.
pub fn has_expired(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

/// When a key ends whose life is extended. One that never ends stays so.
///
/// # Errors
/// Beyond the year 9999 there is no way to write it down.
pub fn extended(
    expires_at: Option<DateTime<Utc>>,
    days: u16,
) -> Result<Option<DateTime<Utc>>, &'static str> {
    let Some(at) = expires_at else { return Ok(None) };
    let later = at.checked_add_signed(TimeDelta::days(days.into()));
    later
        .filter(|at| at.format("%Y").to_string().parse().is_ok_and(|year: i32| year <= LAST_YEAR))
        .map(Some)
        .ok_or("would end after the year 9999")
}

/// When a key ends that is rotated: after its grace, but never later than it would have anyway.
pub fn rotated_out(
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    grace_minutes: u16,
) -> DateTime<Utc> {
    let end = now + TimeDelta::minutes(grace_minutes.into());
    expires_at.map_or(end, |at| at.min(end))
}

/// An API key to be.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyCreation)]
pub struct KeyDraft {
    /// What it is for.
    #[garde(dive)]
    pub name: Text100,
    /// At most 500 characters; a little HTML.
    #[serde(default)]
    #[garde(inner(custom(at_most_500)))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub description: Option<RichText>,
    /// At least one, none that your role does not allow.
    #[garde(custom(at_least_one))]
    pub scopes: Scopes,
    /// Null or absent: it does not end by itself.
    #[serde(default)]
    #[garde(skip)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests per `RATE_LIMIT_CALLER_WINDOW`, where callers have their own limit; null for the
    /// limit of all callers. Only an administrator may set one above that.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = MAX_RATE_LIMIT)))]
    #[schema(minimum = 1, maximum = 100_000)]
    pub rate_limit: Option<u32>,
}

/// What may be changed about a key. What is absent stays as it is.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyPatch)]
pub struct KeyPatch {
    /// Another name.
    #[serde(default)]
    #[garde(dive)]
    pub name: Option<Text100>,
    /// By how many days its life is extended.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = 3650)))]
    #[schema(minimum = 1, maximum = 3650)]
    pub extend_days: Option<u16>,
    /// Another rate limit; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(range(min = 1, max = MAX_RATE_LIMIT))))]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    #[allow(clippy::option_option)] // Absent, null and a number are three things.
    pub rate_limit: Option<Option<u32>>,
}

/// A field that is there, if only as null.
#[allow(clippy::option_option)]
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Whether a user of this role may set a rate limit, where callers have this limit. A user may only
/// lower it; without a limit of all callers there is nothing to lower, and it may be switched on
/// later.
pub fn may_set_rate_limit(role: Role, rate_limit: u32, of_all: Option<usize>) -> bool {
    role == Role::Admin
        || of_all.is_some_and(|most| usize::try_from(rate_limit).is_ok_and(|own| own <= most))
}

/// How a key is replaced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyRotation)]
pub struct KeyRotation {
    /// For how long the old key goes on working; 0 if not said.
    #[serde(default)]
    #[garde(range(max = 10_080))]
    #[schema(maximum = 10080)]
    pub grace_minutes: u16,
}

/// A list of keys as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyQuery {
    /// In these states; in any, if empty.
    pub status: Vec<KeyStatus>,
    /// Whose; the caller's own, if not said.
    pub user_id: Option<Uuid>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl KeyQuery {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or breaks its rule.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let mut query =
            Self { status: Vec::new(), user_id: None, page: PageRequest { page: 1, limit: 100 } };
        PageRequest::read(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "status" => {
                let each = value.split(',').map(|status| status.trim().parse());
                let all: Result<_, _> = each.collect();
                self.status =
                    all.map_err(|_| "must be a comma-separated list of active, expired, revoked")?;
            }
            "user_id" => self.user_id = Some(Uuid::try_parse(value).map_err(|_| "must be a UUID")?),
            _ => return self.page.set(name, value),
        }
        Ok(())
    }
}

// garde hands everything over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn at_most_500(text: &RichText, (): &()) -> garde::Result {
    if text.as_str().chars().count() > 500 {
        return Err(garde::Error::new("must be at most 500 characters long"));
    }
    text.validate().map_err(|_| garde::Error::new("must not be empty or contain NUL characters"))
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn at_least_one(scopes: &Scopes, (): &()) -> garde::Result {
    if scopes.is_empty() { Err(garde::Error::new("must name at least one scope")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
