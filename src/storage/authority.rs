//! Whether a caller still may do what it was let in for, read again in the transaction that does
//! it: a body may arrive, and a lock be waited for, long after the request was authenticated.
//!
//! Whoever ends or narrows authority changes the rows that are read here, so the shared locks
//! decide which of the two came first. Order: the user, then its session or key. Transactions that
//! change users, sessions or keys lock the rows that they change first, then confirm, then write.
//! Transactions on the catalogue confirm last, right before the commit, because they may take long
//! and hold the catalogue's locks; nothing that ends authority ever waits for those.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::document::Document;
use super::schema::{api_keys, sessions, users};
use super::users::Account;
use crate::model::api_keys::has_expired;
use crate::model::scopes::Scopes;
use crate::model::users::{Role, UserStatus};

/// What a caller was authenticated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An access token of this token family.
    Session(Uuid),
    /// This API key.
    Key(Uuid),
}

/// A caller, and what its request requires of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The user, or the owner of the key.
    pub user_id: Uuid,
    /// What it came with.
    pub proof: Proof,
    /// The smallest role that is allowed.
    pub role: Role,
    /// The scopes that role and key must have.
    pub scopes: Scopes,
}

/// Why a caller may not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The session has ended, or its user is not active.
    Session,
    /// The key was revoked, or its owner is not active.
    Key,
    /// The key has expired.
    ExpiredKey,
    /// The role is too small now.
    Role,
    /// The scopes of the key are too small now.
    Scope,
}

/// Makes sure that the caller still may, and keeps it so until the transaction ends. Returns the
/// user as it is now.
///
/// # Errors
/// [`StorageError::AuthorityLost`].
pub async fn confirm(
    conn: &mut AsyncPgConnection,
    authority: &Authority,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let user = users::table.find(authority.user_id).select((users::status, Account::as_select()));
    let user = user.for_share().first(conn).await.optional()?;
    judge(conn, authority, user, now).await
}

/// The same for a transaction that changes what belongs to the caller itself: locks the user's row
/// for that.
///
/// # Errors
/// [`StorageError::AuthorityLost`].
pub async fn lock_and_confirm(
    conn: &mut AsyncPgConnection,
    authority: &Authority,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let user = users::table.find(authority.user_id).select((users::status, Account::as_select()));
    let user = user.for_no_key_update().first(conn).await.optional()?;
    judge(conn, authority, user, now).await
}

/// A statement of its own for session or key: it sees what was committed while the first one
/// waited.
async fn judge(
    conn: &mut AsyncPgConnection,
    authority: &Authority,
    user: Option<(String, Account)>,
    now: DateTime<Utc>,
) -> Result<Account, StorageError> {
    let held = match authority.proof {
        Proof::Session(family_id) => session(conn, authority.user_id, family_id, now).await?,
        Proof::Key(key_id) => key(conn, authority.user_id, key_id, now).await?,
    };
    let lost = |why| Err(StorageError::AuthorityLost(why));
    let ended = match authority.proof {
        Proof::Session(_) => Lost::Session,
        Proof::Key(_) => Lost::Key,
    };
    let (user, key_scopes) = match (user, held) {
        (Some((status, user)), Ok(scopes)) if status == UserStatus::Active.as_ref() => {
            (user, scopes)
        }
        (Some((status, _)), Err(why)) if status == UserStatus::Active.as_ref() => return lost(why),
        _ => return lost(ended),
    };
    if user.role < authority.role || !authority.scopes.is_within(Scopes::of(user.role)) {
        return lost(Lost::Role);
    }
    if key_scopes.is_some_and(|scopes| !authority.scopes.is_within(scopes)) {
        return lost(Lost::Scope);
    }
    Ok(user)
}

/// The scopes that narrow the role: a session has none.
type Held = Result<Option<Scopes>, Lost>;

async fn session(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Held, StorageError> {
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
    Ok(if head.is_some() { Ok(None) } else { Err(Lost::Session) })
}

async fn key(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    key_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Held, StorageError> {
    type Row = (Document, Option<DateTime<Utc>>);
    let found: Option<Row> = api_keys::table
        .find(key_id)
        .filter(api_keys::user_id.eq(user_id).and(api_keys::revoked_at.is_null()))
        .select((api_keys::scopes, api_keys::expires_at))
        .for_share()
        .first(conn)
        .await
        .optional()?;
    let Some((scopes, expires_at)) = found else { return Ok(Err(Lost::Key)) };
    if has_expired(expires_at, now) {
        return Ok(Err(Lost::ExpiredKey));
    }
    let scopes =
        Scopes::try_from(scopes).map_err(|_| StorageError::Corrupt("the scopes of an API key"))?;
    Ok(Ok(Some(scopes)))
}
