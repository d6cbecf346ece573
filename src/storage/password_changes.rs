//! Password changes, and everything that ends with the old password: sessions, password resets and
//! API keys. An attacker who knew the old password may hold any of these.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::api_keys::lifecycle;
use super::audit_events::{self, Actor, Target};
use super::authority::{self, Authority};
use super::{StorageError, Transaction, password_resets, sessions, users};
use crate::model::audit::Action;

/// A new password for a user.
#[derive(Clone, Copy, Debug)]
pub struct PasswordUpdate<'a> {
    pub user: Target<'a>,
    /// The caller's authority, confirmed before anything is written; none if the change needs no
    /// session.
    pub authority: Option<&'a Authority>,
    /// The hash that the current password was verified with, which must still be stored; none if
    /// the current password was not required.
    pub old_hash: Option<&'a SecretString>,
    pub new_hash: &'a str,
    /// The family of the session that is not revoked.
    pub kept_session: Option<Uuid>,
    /// Whether the API keys stay valid.
    pub keep_api_keys: bool,
}

/// Changes the password, with the audit events for it. Returns the ids of revoked API keys.
///
/// # Errors
/// [`StorageError::NotFound`] if the user does not exist, or its password was changed in between;
/// [`StorageError::AuthorityLost`].
pub async fn apply(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    update: PasswordUpdate<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StorageError> {
    let user_id = update.user.id;
    match update.authority {
        Some(authority) => {
            authority::lock_and_confirm(conn, authority, now).await?;
        }
        None => {
            users::lock(conn, user_id).await?;
        }
    }
    users::set_password(conn, user_id, update.old_hash, update.new_hash, now).await?;
    sessions::revoke_all(conn, user_id, update.kept_session, now).await?;
    password_resets::invalidate_all(conn, user_id, now).await?;
    audit_events::record(conn, actor, Action::PasswordChanged, update.user, &json!({}), now)
        .await?;
    if update.keep_api_keys {
        Ok(Vec::new())
    } else {
        lifecycle::revoke_all(conn, actor, user_id, now).await
    }
}
