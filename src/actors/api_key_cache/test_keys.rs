//! Keys for the unit tests of the cache.

use std::sync::Arc;

use uuid::Uuid;

use super::known_key::KnownKey;
use super::rules::KeyIdentity;
use crate::credentials::api_keys::{ApiKey, KeyHash};
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::api_keys::authority::KeyAuthority;
use crate::storage::users::Account;

pub(super) fn hash(number: u32) -> KeyHash {
    ApiKey::parse(&format!("mdl_{number:064x}")).unwrap().hash()
}

pub(super) fn id(number: u32) -> Uuid {
    Uuid::from_u128(number.into())
}

/// Two keys per user.
pub(super) fn key_identity(key: u32) -> KeyIdentity {
    KeyIdentity { key_id: id(key), user_id: id(1000 + key / 2) }
}

pub(super) fn known(key: u32) -> Arc<KnownKey> {
    let KeyIdentity { key_id, user_id } = key_identity(key);
    let owner = Arc::new(Account {
        user_id,
        username: "u".into(),
        email: "u@example.com".into(),
        role: Role::Viewer,
    });
    let scopes: Scopes = [Scope::MetricsRead].into_iter().collect();
    Arc::new(KnownKey::new(KeyAuthority {
        key_id,
        owner,
        scopes,
        rate_limit: None,
        expires_at: None,
        ended: false,
    }))
}
