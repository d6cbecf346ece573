//! API keys: their states, expiry and requests. The format of a key is in `credentials::api_keys`,
//! stored keys are in `storage::api_keys`.

use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;
use uuid::Uuid;

use super::optional::present;
use super::page::{PageRequest, ParameterError};
use super::rich_text::RichText;
use super::scopes::Scopes;
use super::text::Text100;
use super::users::Role;
use super::violations::Violation;

/// Maximum number of active keys of one user.
pub const MAX_ACTIVE_KEYS: i64 = 100;
/// Maximum rate limit of a key, in requests per window of a caller.
const MAX_RATE_LIMIT: u32 = 100_000;
/// RFC 3339 dates have years of four digits.
const LAST_YEAR: i32 = 9999;

/// The status of an API key.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[schema(as = ApiKeyStatus)]
pub enum KeyStatus {
    Active,
    Expired,
    Revoked,
}

impl KeyStatus {
    /// Returns the status of a key at `now`; a revoked key stays revoked after its expiry.
    pub fn at(revoked: bool, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        if revoked {
            Self::Revoked
        } else if is_expired(expires_at, now) {
            Self::Expired
        } else {
            Self::Active
        }
    }
}

/// Whether a key with this expiry is expired; it is at that instant already.
pub fn is_expired(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

/// Returns the expiry of a key after an extension. A key without expiry keeps none.
///
/// # Errors
/// A message if the expiry would be after the year 9999.
pub fn extend_expiry(
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

/// Returns the expiry of a rotated key: after the grace period, but not later than before.
pub fn expiry_after_rotation(
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    grace_minutes: u16,
) -> DateTime<Utc> {
    let end = now + TimeDelta::minutes(grace_minutes.into());
    expires_at.map_or(end, |at| at.min(end))
}

/// The request to create an API key.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyCreation)]
pub struct KeyDraft {
    /// Purpose of the key.
    #[garde(dive)]
    pub name: Text100,
    /// At most 500 characters; may contain the same HTML as other rich texts.
    #[serde(default)]
    #[garde(inner(custom(at_most_500)))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub description: Option<RichText>,
    /// At least one; all must be included in your role.
    #[garde(custom(at_least_one))]
    pub scopes: Scopes,
    /// Null or absent: the key does not expire.
    #[serde(default)]
    #[garde(skip)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests per `RATE_LIMIT_CALLER_WINDOW`, if callers have their own limit; null for the
    /// default of all callers. Only an administrator may set a higher one.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = MAX_RATE_LIMIT)))]
    #[schema(minimum = 1, maximum = 100_000)]
    pub rate_limit: Option<u32>,
}

/// Changes of an API key. Absent fields stay as they are.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyPatch)]
pub struct KeyPatch {
    #[serde(default)]
    #[garde(dive)]
    pub name: Option<Text100>,
    /// Number of days by which the expiry is extended.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = 3650)))]
    #[schema(minimum = 1, maximum = 3650)]
    pub extend_days: Option<u16>,
    /// The new rate limit; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(range(min = 1, max = MAX_RATE_LIMIT))))]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    #[allow(clippy::option_option, reason = "absent, null and a number mean different things")]
    pub rate_limit: Option<Option<u32>>,
}

/// Whether a user of this role may set a rate limit; `default` is that of all callers. A user may
/// only set a lower limit than that; without a default, only administrators may set one, because a
/// default may be configured later.
pub fn may_set_rate_limit(role: Role, rate_limit: u32, default: Option<usize>) -> bool {
    role == Role::Admin
        || default
            .is_some_and(|default| usize::try_from(rate_limit).is_ok_and(|own| own <= default))
}

/// The request to rotate an API key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyRotation)]
pub struct KeyRotation {
    /// How long the old key stays valid, in minutes; 0 by default.
    #[serde(default)]
    #[garde(range(max = 10_080))]
    #[schema(maximum = 10080)]
    pub grace_minutes: u16,
}

/// A query of a list of API keys.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyQuery {
    /// Any status if empty.
    pub status: Vec<KeyStatus>,
    /// The caller if absent.
    pub user_id: Option<Uuid>,
    pub page: PageRequest,
}

impl KeyQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let mut query =
            Self { status: Vec::new(), user_id: None, page: PageRequest { page: 1, limit: 100 } };
        PageRequest::parse_with(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature of garde")]
fn at_most_500(text: &RichText, (): &()) -> garde::Result {
    if text.as_str().chars().count() > 500 {
        return Err(garde::Error::new("must be at most 500 characters long"));
    }
    text.validate().map_err(|_| garde::Error::new("must not be empty or contain NUL characters"))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature of garde")]
fn at_least_one(scopes: &Scopes, (): &()) -> garde::Result {
    if scopes.is_empty() { Err(garde::Error::new("must name at least one scope")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
