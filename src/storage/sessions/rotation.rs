//! Rotation of refresh tokens, and reuse detection.
//!
//! A refresh replaces the head of the token family. A token that is not the head any more was used
//! before: within a short grace period that is a repeated request, later it is theft.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{NextSession, Session, TokenFamily, find_head, insert, is_live, revoke};
use crate::credentials::digest::fingerprint;
use crate::credentials::tokens::Tokens;
use crate::model::users::UserStatus;
use crate::storage::schema::sessions;
use crate::storage::users::{self, User};
use crate::storage::{StorageError, Transaction};

/// How long a client that lost the response may repeat the request with the old token.
pub const REPLAY_GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token that a client presents, and whose signature was verified.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    pub user_id: Uuid,
    /// None in tokens of older versions.
    pub family_id: Option<Uuid>,
    /// SHA-256 of the token, hex.
    pub token_hash: String,
}

/// The result of a refresh.
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The session to respond with: the new one, or, for a repeated request, the one that the first
    /// response was about.
    Rotated(Box<(Session, User)>),
    /// The token is unknown or has ended, or its user is not active.
    Refused,
    /// A token was reused and its family revoked; the id of the user.
    Reused(Uuid),
}

/// Exchanges a refresh token for its successor.
pub async fn rotate(
    conn: &mut Transaction<'_>,
    tokens: &Tokens,
    presented: &PresentedToken,
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
        // Older families exist only if the maximum age was lowered meanwhile.
        .filter(sessions::family_started_at.gt(tokens.oldest_family_start(next.now)))
        .set((sessions::rotated_at.eq(next.now), sessions::successor_id.eq(next.session_id)))
        .returning(Session::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    let Some(parent) = rotated else { return replay(conn, tokens, presented, user, next).await };
    // Deletes the grandparent, so that a family never has more than two rows.
    diesel::delete(sessions::table)
        .filter(
            sessions::family_id
                .eq(parent.family_id)
                .and(sessions::session_id.ne(parent.session_id)),
        )
        .execute(conn)
        .await?;
    let family = TokenFamily {
        user_id: user.user_id,
        family_id: parent.family_id,
        started_at: parent.family_started_at,
    };
    let session = insert(conn, tokens, family, next).await?;
    Ok(Rotation::Rotated(Box::new((session, user))))
}

/// Handles a token that is not the head of its family: within the grace period it gets the same
/// response again, later the family is revoked. Tokens of older members, whose rows are deleted,
/// are recognised by the family they name.
async fn replay(
    conn: &mut Transaction<'_>,
    tokens: &Tokens,
    presented: &PresentedToken,
    user: User,
    next: &NextSession,
) -> Result<Rotation, StorageError> {
    let found = find_member(conn, presented).await?;
    let Some(family_id) = found.as_ref().map(|member| member.family_id).or(presented.family_id)
    else {
        return Ok(Rotation::Refused);
    };
    let Some(head) = find_head(conn, user.user_id, family_id, next.now).await? else {
        return Ok(Rotation::Refused);
    };
    if let Some(member) = found {
        if member.session_id == head.session_id {
            // The head is live, but the family is older than the present maximum.
            return Ok(Rotation::Refused);
        }
        let in_time =
            member.rotated_at.is_some_and(|rotated_at| next.now - rotated_at <= REPLAY_GRACE);
        if member.successor_id == Some(head.session_id) && in_time {
            return Ok(repeat(tokens, head, user));
        }
    }
    revoke(conn, user.user_id, family_id, next.now).await?;
    Ok(Rotation::Reused(user.user_id))
}

/// Responds with the head again, if its token can be issued again; one that an older version issued
/// cannot.
fn repeat(tokens: &Tokens, head: Session, user: User) -> Rotation {
    let token = tokens.issue_refresh(head.refresh_subject());
    if token.is_ok_and(|token| fingerprint(&token) == head.token_hash) {
        Rotation::Rotated(Box::new((head, user)))
    } else {
        Rotation::Refused
    }
}

async fn find_member(
    conn: &mut Transaction<'_>,
    presented: &PresentedToken,
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

/// Revokes the session that a refresh token belongs to.
///
/// # Errors
/// [`StorageError::NotFound`] if the session has ended or its user does not exist.
pub async fn revoke_by_token(
    conn: &mut Transaction<'_>,
    presented: &PresentedToken,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    users::lock(conn, presented.user_id).await?;
    let family_id = match presented.family_id {
        Some(family_id) => family_id,
        None => find_member(conn, presented).await?.ok_or(StorageError::NotFound)?.family_id,
    };
    revoke(conn, presented.user_id, family_id, now).await
}
