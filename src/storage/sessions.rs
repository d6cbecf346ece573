//! Sessions: one row a refresh token; a log-in starts a family, each refresh adds its next member.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::schema::{sessions, users};
use super::users::{Account, User};

/// How long a client whose answer was lost may ask for it again with the old token.
pub const REPLAY_GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The jti of the token.
    pub session_id: Uuid,
    /// SHA-256 of the token.
    pub token_hash: String,
    /// When it is issued.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// A stored refresh token.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    /// The jti of the token.
    pub session_id: Uuid,
    /// The log-in.
    pub family_id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    rotated_at: Option<DateTime<Utc>>,
    successor_id: Option<Uuid>,
    revoked_at: Option<DateTime<Utc>>,
}

/// What became of a refresh.
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The session to answer with: the new one, or, told again, the one that a lost answer was about.
    To(Box<(Session, User)>),
    /// The token is not known, has ended, or its user may not log in.
    Refused,
    /// A token was used again: the whole family is ended. The user it belonged to.
    Reused(Uuid),
}

/// Starts a family with its first member.
pub async fn start(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    family_id: Uuid,
    new: &NewSession,
) -> Result<(), StorageError> {
    insert(conn, user_id, family_id, new).await?;
    // A user's ended sessions go when it logs in, so that the table needs no sweeper.
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id).and(sessions::expires_at.lt(new.created_at))))
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    family_id: Uuid,
    new: &NewSession,
) -> Result<Session, StorageError> {
    Ok(diesel::insert_into(sessions::table)
        .values((
            sessions::session_id.eq(new.session_id),
            sessions::family_id.eq(family_id),
            sessions::user_id.eq(user_id),
            sessions::token_hash.eq(&new.token_hash),
            sessions::created_at.eq(new.created_at),
            sessions::expires_at.eq(new.expires_at),
        ))
        .returning(Session::as_returning())
        .get_result(conn)
        .await?)
}

/// The user of a live family, if it may be here: one statement for every authenticated request.
pub async fn authenticate(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Account>, StorageError> {
    let alive = sessions::table.filter(
        sessions::family_id
            .eq(family_id)
            .and(sessions::user_id.eq(users::user_id))
            .and(sessions::rotated_at.is_null())
            .and(sessions::revoked_at.is_null())
            .and(sessions::expires_at.gt(now)),
    );
    Ok(users::table
        .find(user_id)
        .filter(users::status.eq("active").and(diesel::dsl::exists(alive)))
        .select(Account::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// How many users have a live session.
pub async fn active_users(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<i64, StorageError> {
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

/// Exchanges a refresh token for its successor. Needs a transaction.
///
/// One conditional UPDATE decides who rotates; whoever comes second finds out why it did not match.
pub async fn rotate(
    conn: &mut AsyncPgConnection,
    token_hash: &str,
    new: &NewSession,
) -> Result<Rotation, StorageError> {
    let now = new.created_at;
    let rotated = diesel::update(sessions::table)
        .filter(
            sessions::token_hash
                .eq(token_hash)
                .and(sessions::rotated_at.is_null())
                .and(sessions::revoked_at.is_null())
                .and(sessions::expires_at.gt(now)),
        )
        .set((sessions::rotated_at.eq(now), sessions::successor_id.eq(new.session_id)))
        .returning(Session::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    match rotated {
        Some(parent) => {
            let next = insert(conn, parent.user_id, parent.family_id, new).await?;
            welcome(conn, next).await
        }
        None => replay(conn, token_hash, now).await,
    }
}

/// A token that is not the head of its family: told again within the grace, or a theft.
async fn replay(conn: &mut AsyncPgConnection, token_hash: &str, now: DateTime<Utc>) -> Result<Rotation, StorageError> {
    let Some(used) = by_hash(conn, token_hash).await? else { return Ok(Rotation::Refused) };
    let (Some(rotated_at), Some(successor_id), None) = (used.rotated_at, used.successor_id, used.revoked_at) else {
        return Ok(Rotation::Refused);
    };
    let successor = sessions::table.find(successor_id).select(Session::as_select()).first(conn).await.optional()?;
    match successor {
        // Only the immediate parent of the present head, and only for a moment.
        Some(next) if next.rotated_at.is_none() && next.revoked_at.is_none() && now - rotated_at <= REPLAY_GRACE => {
            welcome(conn, next).await
        }
        _ => {
            end_family(conn, used.family_id, now).await?;
            Ok(Rotation::Reused(used.user_id))
        }
    }
}

async fn welcome(conn: &mut AsyncPgConnection, session: Session) -> Result<Rotation, StorageError> {
    let user = users::table
        .find(session.user_id)
        .filter(users::status.eq("active"))
        .select(User::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(user.map_or(Rotation::Refused, |user| Rotation::To(Box::new((session, user)))))
}

async fn by_hash(conn: &mut AsyncPgConnection, token_hash: &str) -> Result<Option<Session>, StorageError> {
    Ok(sessions::table
        .filter(sessions::token_hash.eq(token_hash))
        .select(Session::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Ends the log-in that a refresh token of this user belongs to.
///
/// # Errors
/// [`StorageError::NotFound`] where there is no such token.
pub async fn end(conn: &mut AsyncPgConnection, token_hash: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let session = by_hash(conn, token_hash).await?.ok_or(StorageError::NotFound)?;
    end_family(conn, session.family_id, now).await
}

async fn end_family(conn: &mut AsyncPgConnection, family_id: Uuid, now: DateTime<Utc>) -> Result<(), StorageError> {
    diesel::update(sessions::table.filter(sessions::family_id.eq(family_id).and(sessions::revoked_at.is_null())))
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends all log-ins of a user, but for `except`.
pub async fn end_all(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    except: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let mut live = diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user_id).and(sessions::revoked_at.is_null()))
        .into_boxed();
    if let Some(family_id) = except {
        live = live.filter(sessions::family_id.ne(family_id));
    }
    live.set(sessions::revoked_at.eq(now)).execute(conn).await?;
    Ok(())
}
