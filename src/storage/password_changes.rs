//! Another password, and all that ends with the old one: log-ins, requests for a reset, API keys.
//! Whoever knew the old one may have any of these.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::api_keys::life;
use super::audit_events::{self, Actor, Target};
use super::authority::{self, Authority};
use super::{StorageError, password_resets, sessions, users};
use crate::model::audit::Action;

/// Another password for a user.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    pub user: Target<'a>,
    /// The caller's authority, confirmed before anything is written; none where no session is
    /// needed.
    pub authority: Option<&'a Authority>,
    /// The one that was checked, which must still be the present one; none where nobody was asked
    /// for it.
    pub old_hash: Option<&'a SecretString>,
    /// The new one.
    pub new_hash: &'a str,
    /// The log-in that goes on.
    pub spared: Option<Uuid>,
    /// Whether API keys go on.
    pub keeps_api_keys: bool,
}

/// Makes the change, with its entries in the audit log. Returns how many API keys were revoked.
/// Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`] if there is no such user, or its password was changed in between;
/// [`StorageError::AuthorityLost`].
pub async fn make(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    change: PasswordChange<'_>,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let user_id = change.user.id;
    match change.authority {
        Some(authority) => {
            authority::lock_and_confirm(conn, authority, now).await?;
        }
        None => {
            users::lock(conn, user_id).await?;
        }
    }
    users::set_password(conn, user_id, change.old_hash, change.new_hash, now).await?;
    sessions::end_all(conn, user_id, change.spared, now).await?;
    password_resets::void(conn, user_id, now).await?;
    audit_events::record(conn, actor, Action::PasswordChanged, change.user, &json!({}), now)
        .await?;
    if change.keeps_api_keys { Ok(0) } else { life::revoke_all(conn, actor, user_id, now).await }
}
