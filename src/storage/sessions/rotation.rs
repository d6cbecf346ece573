//! Exchanging a refresh token for its successor, and detecting that one was used twice.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Family, NextSession, Session, end, head, insert, is_live};
use crate::credentials::digest::fingerprint;
use crate::credentials::tokens::Tokens;
use crate::model::users::UserStatus;
use crate::storage::StorageError;
use crate::storage::schema::sessions;
use crate::storage::users::{self, User};

/// How long a client whose answer was lost may ask for it again with the old token.
pub const REPLAY_GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token, as a client presents it; its signature was verified.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Whose it is.
    pub user_id: Uuid,
    /// The family, if the token names it.
    pub family_id: Option<Uuid>,
    /// SHA-256 of the token.
    pub token_hash: String,
}

/// The result of a refresh.
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The session to answer with: the new one, or, for a replay, the one that a lost answer was
    /// about.
    To(Box<(Session, User)>),
    /// The token is not known, has ended, or its user may not log in.
    Refused,
    /// A token was used again: the whole family is ended. The user it belonged to.
    Reused(Uuid),
}

/// Exchanges a refresh token for its successor. Needs a transaction.
pub async fn rotate(
    conn: &mut AsyncPgConnection,
    tokens: &Tokens,
    presented: &Presented,
    next: &NextSession,
) -> Result<Rotation, StorageError> {
    let user = match users::lock(conn, presented.user_id).await {
        Ok(user) if user.status == UserStatus::Active => user,
        Ok(_) | Err(StorageError::NotFound) => return Ok(Rotation::Refused),
        Err(error) => return Err(error),
    };
    let rotated = diesel::update(sessions::table)
        .filter(
            sessions::token_hash.eq(&presented.token_hash).and(sessions::user_id.eq(user.user_id)),
        )
        .filter(is_live(next.now))
        // Started longer ago only if the maximum was lowered meanwhile.
        .filter(sessions::family_started_at.gt(tokens.oldest_family_start(next.now)))
        .set((sessions::rotated_at.eq(next.now), sessions::successor_id.eq(next.session_id)))
        .returning(Session::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    let Some(parent) = rotated else { return replay(conn, tokens, presented, user, next).await };
    // The grandparent: a family never has more than two rows, however often it is rotated.
    diesel::delete(sessions::table)
        .filter(
            sessions::family_id
                .eq(parent.family_id)
                .and(sessions::session_id.ne(parent.session_id)),
        )
        .execute(conn)
        .await?;
    let family = Family {
        user_id: user.user_id,
        family_id: parent.family_id,
        started_at: parent.family_started_at,
    };
    let session = insert(conn, tokens, family, next).await?;
    Ok(Rotation::To(Box::new((session, user))))
}

/// A token that is not the head of its family: the answer again within the grace period, or a
/// theft. Tokens of older members, whose rows are deleted, are recognised by the family they name.
async fn replay(
    conn: &mut AsyncPgConnection,
    tokens: &Tokens,
    presented: &Presented,
    user: User,
    next: &NextSession,
) -> Result<Rotation, StorageError> {
    let found = member(conn, presented).await?;
    let Some(family_id) = found.as_ref().map(|member| member.family_id).or(presented.family_id)
    else {
        return Ok(Rotation::Refused);
    };
    let Some(head) = head(conn, user.user_id, family_id, next.now).await? else {
        return Ok(Rotation::Refused);
    };
    if let Some(member) = found {
        if member.session_id == head.session_id {
            // Live, but the family is older than the maximum allows now.
            return Ok(Rotation::Refused);
        }
        let in_time =
            member.rotated_at.is_some_and(|rotated_at| next.now - rotated_at <= REPLAY_GRACE);
        if member.successor_id == Some(head.session_id) && in_time {
            return Ok(again(tokens, head, user));
        }
    }
    end(conn, user.user_id, family_id, next.now).await?;
    Ok(Rotation::Reused(user.user_id))
}

/// The head once more, if its token can be issued again: one that an older version issued cannot.
fn again(tokens: &Tokens, head: Session, user: User) -> Rotation {
    let token = tokens.issue_refresh(head.refresh_subject());
    if token.is_ok_and(|token| fingerprint(&token) == head.token_hash) {
        Rotation::To(Box::new((head, user)))
    } else {
        Rotation::Refused
    }
}

async fn member(
    conn: &mut AsyncPgConnection,
    presented: &Presented,
) -> Result<Option<Session>, StorageError> {
    Ok(sessions::table
        .filter(
            sessions::token_hash
                .eq(&presented.token_hash)
                .and(sessions::user_id.eq(presented.user_id)),
        )
        .select(Session::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Ends the log-in that a refresh token belongs to. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`] if it has ended, or its user is gone.
pub async fn end_by_token(
    conn: &mut AsyncPgConnection,
    presented: &Presented,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    users::lock(conn, presented.user_id).await?;
    let family_id = match presented.family_id {
        Some(family_id) => family_id,
        None => member(conn, presented).await?.ok_or(StorageError::NotFound)?.family_id,
    };
    end(conn, presented.user_id, family_id, now).await
}
