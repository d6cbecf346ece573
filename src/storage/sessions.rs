//! Sessions: a log-in starts a token family; each refresh replaces its head ([`rotation`]). A
//! family has at most two rows: the head, and its parent, which may be repeated for a moment.
//!
//! Every transaction that creates, rotates or revokes sessions locks the row of their user first
//! (`users::lock`): otherwise a session that another transaction has inserted, but not committed
//! yet, would not be revoked with the others. Revoking a family marks its head; the rows are
//! deleted at the user's next log-in.

pub mod rotation;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::schema::{sessions, users};
use super::users::Account;
use super::{StorageError, Transaction};
use crate::credentials::digest::fingerprint;
use crate::credentials::tokens::{RefreshSubject, Tokens};
use crate::model::users::UserStatus;

/// Maximum length of the list of sessions.
const MAX_LISTED: i64 = 100;

/// The client that tokens are issued to, as shown to its user.
#[derive(Clone, Debug, Default)]
pub struct SessionClient {
    /// The client IP.
    pub address: Option<String>,
    /// `User-Agent`, at most 200 characters.
    pub user_agent: Option<String>,
}

/// A session to be created. Its id is chosen before the transaction, so that a retried transaction
/// creates the same one.
#[derive(Clone, Debug)]
pub struct NextSession {
    /// The `jti` of the refresh token.
    pub session_id: Uuid,
    /// The time of issue.
    pub now: DateTime<Utc>,
    pub client: SessionClient,
}

/// A stored refresh token.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    /// The `jti` of the token.
    pub session_id: Uuid,
    pub family_id: Uuid,
    pub user_id: Uuid,
    /// The time of the log-in or of the last refresh.
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The time of the log-in.
    pub family_started_at: DateTime<Utc>,
    /// The client IP that it was issued to.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    token_hash: String,
    rotated_at: Option<DateTime<Utc>>,
    successor_id: Option<Uuid>,
}

impl Session {
    /// Returns the claims of the refresh token.
    pub fn refresh_subject(&self) -> RefreshSubject {
        RefreshSubject {
            user_id: self.user_id,
            session_id: self.session_id,
            family_id: self.family_id,
            issued_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// A token family that has not ended, as requests with an access token need it.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Its user, who is active.
    pub user: Arc<Account>,
    pub expires_at: DateTime<Utc>,
}

/// The token family that a session belongs to.
#[derive(Clone, Copy, Debug)]
struct TokenFamily {
    user_id: Uuid,
    family_id: Uuid,
    started_at: DateTime<Utc>,
}

/// Starts a family with its first session. The transaction must have locked or created the user.
pub async fn start(
    conn: &mut Transaction<'_>,
    tokens: &Tokens,
    (user_id, family_id): (Uuid, Uuid),
    next: &NextSession,
) -> Result<Session, StorageError> {
    // Families of the user that have ended are deleted here, so that the table needs no sweeper.
    diesel::sql_query(
        "DELETE FROM sessions AS session WHERE user_id = $1 AND NOT EXISTS ( \
           SELECT FROM sessions AS head WHERE head.family_id = session.family_id \
           AND head.rotated_at IS NULL AND head.revoked_at IS NULL AND head.expires_at > $2)",
    )
    .bind::<SqlUuid, _>(user_id)
    .bind::<Timestamptz, _>(next.now)
    .execute(conn)
    .await?;
    insert(conn, tokens, TokenFamily { user_id, family_id, started_at: next.now }, next).await
}

async fn insert(
    conn: &mut Transaction<'_>,
    tokens: &Tokens,
    family: TokenFamily,
    next: &NextSession,
) -> Result<Session, StorageError> {
    let TokenFamily { user_id, family_id, started_at } = family;
    let expires_at = tokens.session_expires_at(started_at, next.now);
    let subject = RefreshSubject {
        user_id,
        session_id: next.session_id,
        family_id,
        issued_at: next.now,
        expires_at,
    };
    let token = tokens
        .issue_refresh(subject)
        .map_err(StorageError::corrupt_by("the signature of a refresh token"))?;
    Ok(diesel::insert_into(sessions::table)
        .values((
            sessions::session_id.eq(next.session_id),
            sessions::family_id.eq(family_id),
            sessions::user_id.eq(user_id),
            sessions::token_hash.eq(fingerprint(&token)),
            sessions::created_at.eq(next.now),
            sessions::expires_at.eq(expires_at),
            sessions::family_started_at.eq(started_at),
            sessions::address.eq(&next.client.address),
            sessions::user_agent.eq(&next.client.user_agent),
        ))
        .returning(Session::as_returning())
        .get_result(conn)
        .await?)
}

type SessionFilter =
    Box<dyn BoxableExpression<sessions::table, diesel::pg::Pg, SqlType = diesel::sql_types::Bool>>;

/// Filters the heads of families that have not ended.
fn is_live(now: DateTime<Utc>) -> SessionFilter {
    Box::new(
        sessions::rotated_at
            .is_null()
            .and(sessions::revoked_at.is_null())
            .and(sessions::expires_at.gt(now)),
    )
}

/// Finds a live family and its active user. A request whose session is not cached costs this one
/// statement.
pub async fn authenticate(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StorageError> {
    let found: Option<(Account, DateTime<Utc>)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::family_id.eq(family_id).and(sessions::user_id.eq(user_id)))
        .filter(
            sessions::rotated_at
                .is_null()
                .and(sessions::revoked_at.is_null())
                .and(sessions::expires_at.gt(now)),
        )
        .filter(users::status.eq(UserStatus::Active.as_ref()))
        .select((Account::as_select(), sessions::expires_at))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|(user, expires_at)| LiveSession { user: Arc::new(user), expires_at }))
}

/// Counts the users that have a live session.
pub async fn count_active_users(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> Result<i64, StorageError> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(
            sessions::rotated_at
                .is_null()
                .and(sessions::revoked_at.is_null())
                .and(sessions::expires_at.gt(now))
                .and(users::status.eq("active")),
        )
        .select(diesel::dsl::count(sessions::user_id).aggregate_distinct())
        .first(conn)
        .await?)
}

/// Lists the live sessions of a user, one for each log-in, the last refreshed first; at most 100.
pub async fn list(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StorageError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(is_live(now))
        .select(Session::as_select())
        .order_by((sessions::created_at.desc(), sessions::session_id.desc()))
        .limit(MAX_LISTED)
        .load(conn)
        .await?)
}

/// Finds the live head of a user's family.
async fn find_head(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Session>, StorageError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id).and(sessions::family_id.eq(family_id)))
        .filter(is_live(now))
        .select(Session::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Revokes one session of a user. The transaction must have locked the user.
///
/// # Errors
/// [`StorageError::NotFound`] if the user has no such session, or it has ended.
pub async fn revoke(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let one = sessions::table
        .filter(sessions::user_id.eq(user_id).and(sessions::family_id.eq(family_id)))
        .filter(is_live(now));
    match diesel::update(one).set(sessions::revoked_at.eq(now)).execute(conn).await? {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}

/// Revokes all sessions of a user except for `except`. Returns their number. The transaction must
/// have locked the user.
pub async fn revoke_all(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    except: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let all = sessions::table
        .filter(
            sessions::user_id.eq(user_id).and(sessions::family_id.ne(except.unwrap_or_default())),
        )
        .filter(is_live(now));
    Ok(diesel::update(all).set(sessions::revoked_at.eq(now)).execute(conn).await?)
}
