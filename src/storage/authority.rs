//! Rechecks a caller's authority inside the transaction that relies on it: a body may arrive, and
//! a lock be waited for, long after the request was authenticated.
//!
//! Transactions that end or narrow authority change the rows that are read here, so the shared
//! locks decide which of the two came first. Order: the user, then its session or key. Transactions
//! that change users, sessions or keys lock the rows that they change first, then confirm, then
//! write. Transactions on the catalogue confirm last, right before the commit, because they may
//! take long and hold the catalogue's locks; nothing that ends authority ever waits for those.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::document::Document;
use super::error::LostAuthority;
use super::schema::{api_keys, sessions, users};
use super::users::Account;
use super::{StorageError, Transaction};
use crate::model::api_keys::is_expired;
use crate::model::scopes::Scopes;
use crate::model::users::{Role, UserStatus};

/// The credential that a caller was authenticated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An access token of this token family.
    Session(Uuid),
    /// The API key with this id.
    Key(Uuid),
}

/// A caller, and what its request requires of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The user, or the owner of the key.
    pub user_id: Uuid,
    pub proof: Proof,
    /// The smallest role that is allowed.
    pub role: Role,
    /// The scopes that role and key must have.
    pub scopes: Scopes,
}

/// Confirms that the caller still is allowed, and keeps it so until the transaction ends. Returns
/// the user as stored now.
///
/// # Errors
/// [`StorageError::AuthorityLost`].
pub async fn confirm(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let user = users::table.find(authority.user_id).select((users::status, Account::as_select()));
    let user = user.for_share().first(conn).await.optional()?;
    judge(conn, authority, user, now).await
}

/// Does the same as [`confirm`] for a transaction that changes what belongs to the caller itself,
/// and locks the user's row for update.
///
/// # Errors
/// [`StorageError::AuthorityLost`].
pub async fn lock_and_confirm(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let user = users::table.find(authority.user_id).select((users::status, Account::as_select()));
    let user = user.for_no_key_update().first(conn).await.optional()?;
    judge(conn, authority, user, now).await
}

/// Reads session or key with a statement of its own, which sees what was committed while the first
/// one waited for its lock.
async fn judge(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    user: Option<(String, Account)>,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let proven = match authority.proof {
        Proof::Session(family_id) => {
            confirm_session(conn, authority.user_id, family_id, now).await?
        }
        Proof::Key(key_id) => confirm_key(conn, authority.user_id, key_id, now).await?,
    };
    let lost = |why| Err(StorageError::AuthorityLost(why));
    let ended = match authority.proof {
        Proof::Session(_) => LostAuthority::Session,
        Proof::Key(_) => LostAuthority::Key,
    };
    let user = match user {
        Some((status, user)) if status == UserStatus::Active.as_ref() => user,
        _ => return lost(ended),
    };
    let key_scopes = match proven {
        Ok(scopes) => scopes,
        Err(why) => return lost(why),
    };
    if user.role < authority.role || !authority.scopes.is_subset(Scopes::from_role(user.role)) {
        return lost(LostAuthority::Role);
    }
    if key_scopes.is_some_and(|scopes| !authority.scopes.is_subset(scopes)) {
        return lost(LostAuthority::Scope);
    }
    Ok(user)
}

/// The scopes that narrow the role of the user; a session has none.
type ProvenScopes = Result<Option<Scopes>, LostAuthority>;

async fn confirm_session(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<ProvenScopes, StorageError> {
    let head = sessions::table
        .filter(sessions::family_id.eq(family_id).and(sessions::user_id.eq(user_id)))
        .filter(
            sessions::rotated_at
                .is_null()
                .and(sessions::revoked_at.is_null())
                .and(sessions::expires_at.gt(now)),
        )
        .select(sessions::session_id)
        .for_share()
        .first::<Uuid>(conn)
        .await
        .optional()?;
    Ok(if head.is_some() { Ok(None) } else { Err(LostAuthority::Session) })
}

async fn confirm_key(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    key_id: Uuid,
    now: DateTime<Utc>,
) -> Result<ProvenScopes, StorageError> {
    let found: Option<(Document, Option<DateTime<Utc>>)> = api_keys::table
        .find(key_id)
        .filter(api_keys::user_id.eq(user_id).and(api_keys::revoked_at.is_null()))
        .select((api_keys::scopes, api_keys::expires_at))
        .for_share()
        .first(conn)
        .await
        .optional()?;
    let Some((scopes, expires_at)) = found else { return Ok(Err(LostAuthority::Key)) };
    if is_expired(expires_at, now) {
        return Ok(Err(LostAuthority::ExpiredKey));
    }
    let scopes =
        Scopes::try_from(scopes).map_err(StorageError::corrupt_by("the scopes of an API key"))?;
    Ok(Ok(Some(scopes)))
}
