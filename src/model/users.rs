//! Users: roles, states, and the changes that an administrator can make. Passwords are in
//! `credentials::passwords`, stored users in `storage::users`.

use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

use super::object::Object;
use super::optional::present;
use super::text::{Email, Text100, Username};

/// The role of a user; each role includes the rights of those before it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    AsRefStr,
    EnumString,
    Hash,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Reads the catalogue.
    Viewer,
    /// Creates and changes metrics and domains.
    Editor,
    /// Deletes, imports and manages users.
    Admin,
}

/// Whether a user may log in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UserStatus {
    Active,
    Inactive,
    Suspended,
}

/// Parses values that are stored as text.
macro_rules! from_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = strum::ParseError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    )*};
}
from_text!(Role, UserStatus);

/// Changes of a user by an administrator. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// Unique, compared case-insensitively.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub username: Option<Username>,
    /// Unique, compared case-insensitively.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub email: Option<Email>,
    /// Full name of the person.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub full_name: Option<Text100>,
    /// Applies at once, also to existing tokens and API keys.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// Any status but `active` revokes the user's sessions and API keys.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(nullable = false)]
    pub status: Option<UserStatus>,
    /// With a status other than `active`: the API keys are not revoked, and are valid again when
    /// the user is active again.
    #[serde(default)]
    #[garde(skip)]
    pub keep_api_keys: bool,
    /// Any JSON object.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub metadata: Option<Object>,
}
