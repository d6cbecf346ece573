//! Who sends a request, once `middleware::authenticate` has verified it.

use uuid::Uuid;

use crate::http::error::{ApiError, ROLE, SCOPE};
use crate::model::audit::CredentialKind;
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::authority::{Authority, Proof};
use crate::storage::users::Account;

/// What `middleware::authenticate` found out.
#[derive(Clone, Debug)]
pub struct Identity(pub Result<Option<Caller>, ApiError>);

/// Anyone who is known.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user, or the owner of the key, as the database knows it now.
    pub user: Account,
    /// What it came with.
    pub credential: Credential,
}

/// What a caller came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this log-in.
    LogIn(Uuid),
    /// An API key.
    Key {
        key_id: Uuid,
        /// What it may do, if its owner may.
        scopes: Scopes,
        /// Its own rate limit, requests per window of a caller.
        rate_limit: Option<u32>,
    },
}

impl Caller {
    /// Whether role and scopes allow all of this.
    ///
    /// # Errors
    /// [`ApiError::Authorization`], which says which of the two does not.
    pub fn may(&self, needed: &[Scope]) -> Result<(), ApiError> {
        if !Scopes::of(self.user.role).contain(needed) {
            return Err(ROLE);
        }
        match self.credential {
            Credential::Key { scopes, .. } if !scopes.contain(needed) => Err(SCOPE),
            _ => Ok(()),
        }
    }

    /// What a transaction of this caller confirms.
    pub fn authority(&self, role: Role, needed: &[Scope]) -> Authority {
        let proof = match self.credential {
            Credential::LogIn(family_id) => Proof::Session(family_id),
            Credential::Key { key_id, .. } => Proof::Key(key_id),
        };
        Authority {
            user_id: self.user.user_id,
            proof,
            role,
            scopes: needed.iter().copied().collect(),
        }
    }
}

impl Identity {
    /// Kind and id of the verified credential, for the audit log.
    pub fn credential(&self) -> Option<(CredentialKind, Uuid)> {
        match self.0.as_ref().ok()?.as_ref()?.credential {
            Credential::LogIn(family_id) => Some((CredentialKind::Session, family_id)),
            Credential::Key { key_id, .. } => Some((CredentialKind::ApiKey, key_id)),
        }
    }
}

/// Who a request turned out to be of, for its log line.
#[derive(Clone, Debug)]
pub struct Seen {
    pub user: String,
    pub api_key: Option<String>,
}

impl From<&Caller> for Seen {
    fn from(caller: &Caller) -> Self {
        let api_key = match caller.credential {
            Credential::Key { key_id, .. } => Some(key_id.to_string()),
            Credential::LogIn(_) => None,
        };
        Self { user: caller.user.username.clone(), api_key }
    }
}
