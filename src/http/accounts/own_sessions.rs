//! Ends a user's own sessions: one of them, or all others. Ending a session takes effect on its
//! access tokens and its cookie at once.

use serde_json::json;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::audit_events::{self, Target};
use crate::storage::authority;
use crate::storage::sessions::{self, Session};

fn target(caller: &SessionCaller) -> Target<'_> {
    Target { id: caller.user.user_id, name: &caller.user.username }
}

/// Lists the caller's sessions that have not ended, the last used first; at most 100.
///
/// # Errors
/// Those of the database.
pub async fn list_sessions(
    services: &AccountServices,
    caller: &SessionCaller,
) -> Result<Vec<Session>, ApiError> {
    let (now, user_id) = (services.clock.now(), caller.user.user_id);
    let list = services
        .db
        .run(Circuit::Auth, "sessions.list", async |conn| sessions::list(conn, user_id, now).await);
    Ok(list.await?)
}

/// Ends one session of the caller, perhaps the current one.
///
/// # Errors
/// [`ApiError::NotFound`] if it is not the caller's, or has ended.
pub async fn end_session(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: &Origin,
    id: Uuid,
) -> Result<(), ApiError> {
    let (now, user_id, actor) =
        (services.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = services.db.transaction(Circuit::Auth, "sessions.end", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        sessions::revoke(conn, user_id, id, now).await?;
        let (action, details) = (Action::SessionEnded, json!({ "session": id }));
        audit_events::record(conn, &actor, action, target(caller), &details, now).await
    });
    let invalidation = services.invalidation(InvalidationScope::Sessions(user_id));
    invalidation.apply_after(ended).await.map_err(|error| match error.into() {
        ApiError::NotFound(_) => ApiError::NotFound("Session not found".into()),
        error => error,
    })
}

/// Ends all sessions of the caller but the current one. Returns their number.
///
/// # Errors
/// Those of the database, and of a caller who has lost its rights.
pub async fn end_other_sessions(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: &Origin,
) -> Result<usize, ApiError> {
    let (now, user_id, actor) =
        (services.clock.now(), caller.user.user_id, origin.actor(&caller.user));
    let ended = services.db.transaction(Circuit::Auth, "sessions.end_others", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let count = sessions::revoke_all(conn, user_id, Some(caller.family_id), now).await?;
        if count > 0 {
            let (action, details) = (Action::SessionEnded, json!({ "sessions": count }));
            audit_events::record(conn, &actor, action, target(caller), &details, now).await?;
        }
        Ok(count)
    });
    let invalidation = services.invalidation(InvalidationScope::Sessions(user_id));
    Ok(invalidation.apply_after(ended).await?)
}
