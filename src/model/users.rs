//! Users: who may log in, and what they may do.

use garde::Validate;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

use super::object::Object;
use super::text::{Email, Text100, Username};

/// What a user may do; each role may do what those before it may.
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
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes the catalogue.
    Editor,
    /// Deletes, and manages users.
    Admin,
}

/// Whether a user may log in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UserStatus {
    /// May.
    Active,
    /// May not, for now.
    Inactive,
    /// May not, by an administrator's decision.
    Suspended,
}

/// Both are stored as text.
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

/// What an administrator changes about a user. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// Unique without regard to case.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub username: Option<Username>,
    /// Unique without regard to case.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub email: Option<Email>,
    /// As the person writes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub full_name: Option<Text100>,
    /// A smaller role acts on the user's tokens at once.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// Anything but active ends the user's sessions and revokes its API keys.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(nullable = false)]
    pub status: Option<UserStatus>,
    /// With a status other than active: the user's API keys are not revoked, and work again once it
    /// is active again. If not said, they are revoked for good.
    #[serde(default)]
    #[garde(skip)]
    pub keep_api_keys: bool,
    /// Free object.
    #[serde(default, deserialize_with = "present")]
    #[garde(dive)]
    #[schema(nullable = false)]
    pub metadata: Option<Object>,
}

/// A field that may be absent but not null.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
