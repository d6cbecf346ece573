//! Changes of users by administrators, and everything that ends with them: sessions, API keys and
//! password resets.
//!
//! Locks are taken first, in one statement and by `user_id`: the administrator, the user, and, if
//! the last administrator could be removed, all administrators. Two administrators who change each
//! other therefore do not deadlock, and no lock has to be upgraded later.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::api_keys::lifecycle;
use super::audit_events::Actor;
use super::authority::{self, Authority};
use super::schema::users as table;
use super::users::{self, User};
use super::{StorageError, Transaction, password_resets, sessions};
use crate::model::users::{Role, UserPatch, UserStatus};

/// A user before and after a change.
#[derive(Debug)]
pub struct ChangedUser {
    pub before: User,
    pub after: User,
    pub revoked_keys: Vec<Uuid>,
}

/// Changes a user. Any status except active revokes its sessions and, unless the patch keeps them,
/// its API keys; another e-mail address or status invalidates its password resets.
///
/// # Errors
/// [`StorageError::AuthorityLost`], [`StorageError::NotFound`], [`StorageError::Duplicate`] or
/// [`StorageError::LastAdmin`].
pub async fn update(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    actor: &Actor,
    (user_id, patch): (Uuid, &UserPatch),
    now: DateTime<Utc>,
) -> Result<ChangedUser, StorageError> {
    let stays_active_admin = patch.role.is_none_or(|role| role == Role::Admin)
        && patch.status.is_none_or(|status| status == UserStatus::Active);
    let rows = users_to_lock(&[authority.user_id, user_id], !stays_active_admin)
        .for_no_key_update()
        .load(conn)
        .await?;
    let before = ensure_allowed(conn, authority, (user_id, rows), !stays_active_admin, now).await?;
    let after = users::update(conn, user_id, patch, now).await?;
    if before.email != after.email || before.status != after.status {
        password_resets::invalidate_all(conn, user_id, now).await?;
    }
    let mut revoked_keys = Vec::new();
    if patch.status.is_some_and(|status| status != UserStatus::Active) {
        sessions::revoke_all(conn, user_id, None, now).await?;
        if !patch.keep_api_keys {
            revoked_keys = lifecycle::revoke_all(conn, actor, user_id, now).await?;
        }
    }
    Ok(ChangedUser { before, after, revoked_keys })
}

/// Deletes a user with its sessions and API keys; the end of each key is recorded in the audit log.
/// Returns the deleted user and the ids of its keys.
///
/// # Errors
/// [`StorageError::AuthorityLost`], [`StorageError::NotFound`] or [`StorageError::LastAdmin`].
pub async fn delete(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    actor: &Actor,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(User, Vec<Uuid>), StorageError> {
    // FOR UPDATE from the start: a deletion also waits for foreign keys that are being checked.
    let rows = users_to_lock(&[authority.user_id, user_id], true).for_update().load(conn).await?;
    let before = ensure_allowed(conn, authority, (user_id, rows), true, now).await?;
    let keys = lifecycle::record_end_with_user(conn, actor, user_id, now).await?;
    users::delete(conn, user_id).await?;
    Ok((before, keys))
}

/// Selects these users and, if requested, all administrators, in the order of locking.
#[diesel::dsl::auto_type]
fn users_to_lock<'a>(ids: &'a [Uuid], admins: bool) -> _ {
    let roles: &'a [&'a str] = if admins { &["admin"] } else { &[] };
    let user: diesel::dsl::AsSelect<User, diesel::pg::Pg> = User::as_select();
    table::table
        .filter(table::user_id.eq_any(ids).or(table::role.eq_any(roles)))
        .order_by(table::user_id)
        .select(user)
}

/// Returns the user among the locked rows, if the administrator still is allowed to change it and
/// another active administrator remains.
async fn ensure_allowed(
    conn: &mut Transaction<'_>,
    authority: &Authority,
    (user_id, rows): (Uuid, Vec<User>),
    may_remove_admin: bool,
    now: DateTime<Utc>,
) -> Result<User, StorageError> {
    authority::confirm(conn, authority, now).await?;
    if may_remove_admin {
        ensure_another_active_admin(&rows, user_id)?;
    }
    rows.into_iter().find(|user| user.user_id == user_id).ok_or(StorageError::NotFound)
}

fn ensure_another_active_admin(rows: &[User], user_id: Uuid) -> Result<(), StorageError> {
    let is_active_admin =
        |user: &&User| user.role == Role::Admin && user.status == UserStatus::Active;
    let is_one = rows.iter().filter(is_active_admin).any(|user| user.user_id == user_id);
    let another = rows.iter().filter(is_active_admin).any(|user| user.user_id != user_id);
    if is_one && !another { Err(StorageError::LastAdmin) } else { Ok(()) }
}
