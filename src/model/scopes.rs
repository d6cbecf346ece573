//! The scopes of API keys. A key has the rights of its scopes, as far as the current role of its
//! owner includes them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{AsRefStr, EnumIter, EnumString, IntoEnumIterator};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::users::Role;

/// A right that an API key can have.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    AsRefStr,
    EnumString,
    EnumIter,
)]
pub enum Scope {
    /// Read metrics and their history.
    #[serde(rename = "metrics:read")]
    #[strum(serialize = "metrics:read")]
    MetricsRead,
    /// Create and change metrics; delete them, if the owner is an administrator.
    #[serde(rename = "metrics:write")]
    #[strum(serialize = "metrics:write")]
    MetricsWrite,
    /// Read business domains.
    #[serde(rename = "domains:read")]
    #[strum(serialize = "domains:read")]
    DomainsRead,
    /// Create and change business domains; delete them, if the owner is an administrator.
    #[serde(rename = "domains:write")]
    #[strum(serialize = "domains:write")]
    DomainsWrite,
    /// Reserved; no route requires it.
    #[serde(rename = "objectives:read")]
    #[strum(serialize = "objectives:read")]
    ObjectivesRead,
    /// Reserved; no route requires it.
    #[serde(rename = "objectives:write")]
    #[strum(serialize = "objectives:write")]
    ObjectivesWrite,
    /// Read users and the audit log, read and control the circuit breakers.
    #[serde(rename = "admin")]
    #[strum(serialize = "admin")]
    Admin,
}

/// A set of scopes; serialized as a list of names, in a fixed order and without duplicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Returns the scopes that a role includes.
    pub fn from_role(role: Role) -> Self {
        use Scope::{
            Admin, DomainsRead, DomainsWrite, MetricsRead, MetricsWrite, ObjectivesRead,
            ObjectivesWrite,
        };
        let reads = [MetricsRead, DomainsRead, ObjectivesRead];
        let writes = [MetricsWrite, DomainsWrite, ObjectivesWrite];
        match role {
            Role::Viewer => reads.into_iter().collect(),
            Role::Editor => reads.into_iter().chain(writes).collect(),
            Role::Admin => reads.into_iter().chain(writes).chain([Admin]).collect(),
        }
    }

    /// Whether the set has all `needed` scopes.
    pub fn contains_all(self, needed: &[Scope]) -> bool {
        needed.iter().copied().collect::<Self>().is_subset(self)
    }

    /// Whether `others` have all scopes of this set.
    pub fn is_subset(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the scopes.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::iter().filter(move |scope| self.0 & bit(*scope) != 0)
    }
}

fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Scope>::deserialize(deserializer).map(|scopes| scopes.into_iter().collect())
    }
}

impl PartialSchema for Scopes {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Scope::schema()).min_items(Some(1)).into()
    }
}

impl ToSchema for Scopes {
    fn name() -> Cow<'static, str> {
        "Scopes".into()
    }
}

#[cfg(test)]
mod tests;
