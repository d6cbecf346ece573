//! The verified caller of a request. `middleware::authenticate` puts it into the request; the
//! extractors of `extract::caller` decide from it who may call a handler.

use std::sync::Arc;

use actix_web::HttpMessage;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::credentials::tokens::{AccessClaims, Tokens};
use crate::http::error::{ApiError, ROLE, SCOPE};
use crate::model::audit::CredentialKind;
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::api_keys::authority::KeyAuthority;
use crate::storage::authority::{Authority, Proof};
use crate::storage::users::Account;

/// The result of authentication: no caller if the request has no credential, an error if its
/// credential was refused.
#[derive(Clone, Debug)]
pub struct Identity(pub Result<Option<Caller>, ApiError>);

/// The claims of a valid access token whose session could not be looked up, because the database is
/// unavailable. Its request is not authenticated; only `extract::circuit_admin` reads the claims.
#[derive(Clone, Debug)]
pub struct UnconfirmedToken(pub AccessClaims);

/// The claims of an access token whose signature and times were verified for this request. Its
/// session was not looked up: the request is not authenticated.
#[derive(Clone, Debug)]
pub struct VerifiedToken(pub Arc<AccessClaims>);

impl VerifiedToken {
    /// Verifies a token, unless that was done for this request; the claims stay in the request.
    pub fn of(
        request: &impl HttpMessage,
        tokens: &Tokens,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<Arc<AccessClaims>> {
        let known = request.extensions().get::<Self>().map(|Self(claims)| Arc::clone(claims));
        known.or_else(|| {
            let claims = tokens.verify_access(token, now).ok()?;
            request.extensions_mut().insert(Self(Arc::clone(&claims)));
            Some(claims)
        })
    }
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user of the session or the owner of the API key, with its present role and status.
    pub user: Arc<Account>,
    pub credential: Credential,
}

/// The credential that a caller was authenticated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this token family.
    Session(Uuid),
    Key {
        key_id: Uuid,
        /// Narrow the rights of the owner's role.
        scopes: Scopes,
        /// Requests per window of the caller limit.
        rate_limit: Option<u32>,
    },
}

impl Caller {
    /// The owner of an API key.
    pub fn with_key(key: &KeyAuthority) -> Self {
        let credential =
            Credential::Key { key_id: key.key_id, scopes: key.scopes, rate_limit: key.rate_limit };
        Self { user: Arc::clone(&key.owner), credential }
    }

    /// Checks that role and scopes allow all of `needed`.
    ///
    /// # Errors
    /// [`ApiError::Authorization`], which says which of the two does not.
    pub fn require(&self, needed: &[Scope]) -> Result<(), ApiError> {
        if !Scopes::from_role(self.user.role).contains_all(needed) {
            return Err(ROLE);
        }
        match self.credential {
            Credential::Key { scopes, .. } if !scopes.contains_all(needed) => Err(SCOPE),
            _ => Ok(()),
        }
    }

    /// The authority that a transaction of this caller checks again before it commits.
    pub fn authority(&self, role: Role, needed: &[Scope]) -> Authority {
        let proof = match self.credential {
            Credential::Session(family_id) => Proof::Session(family_id),
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
    /// Returns kind and id of the verified credential, for the audit log.
    pub fn credential(&self) -> Option<(CredentialKind, Uuid)> {
        match self.0.as_ref().ok()?.as_ref()?.credential {
            Credential::Session(family_id) => Some((CredentialKind::Session, family_id)),
            Credential::Key { key_id, .. } => Some((CredentialKind::ApiKey, key_id)),
        }
    }
}

/// The caller as the access log names it.
#[derive(Clone, Debug)]
pub enum LoggedCaller {
    User {
        user: Arc<Account>,
        /// The id of the API key.
        api_key: Option<Uuid>,
    },
    /// A process on the local socket of administrators.
    Local(String),
}

impl LoggedCaller {
    /// Returns the user name, or who uses the socket.
    pub fn name(&self) -> &str {
        match self {
            Self::User { user, .. } => &user.username,
            Self::Local(peer) => peer,
        }
    }

    /// Returns the id of the API key.
    pub fn api_key(&self) -> Option<Uuid> {
        match self {
            Self::User { api_key, .. } => *api_key,
            Self::Local(_) => None,
        }
    }
}

impl From<&Caller> for LoggedCaller {
    fn from(caller: &Caller) -> Self {
        let api_key = match caller.credential {
            Credential::Key { key_id, .. } => Some(key_id),
            Credential::Session(_) => None,
        };
        Self::User { user: Arc::clone(&caller.user), api_key }
    }
}
