//! A key that exists in the database, with its last use.

use std::sync::Arc;

use super::rules::KeyIdentity;
use super::usage::LastUse;
use crate::storage::api_keys::authority::KeyAuthority;

/// A key that exists in the database.
#[derive(Debug)]
pub struct KnownKey {
    pub authority: KeyAuthority,
    pub(super) last_use: Arc<LastUse>,
}

impl KnownKey {
    pub(super) fn new(authority: KeyAuthority) -> Self {
        Self { last_use: Arc::new(LastUse::new(authority.key_id)), authority }
    }

    pub(super) fn identity(&self) -> KeyIdentity {
        KeyIdentity { key_id: self.authority.key_id, user_id: self.authority.owner.user_id }
    }
}
