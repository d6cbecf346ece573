//! Users as administrators see and change them. What users do with their own account is beside this
//! file.

use uuid::Uuid;

use super::user_target::target;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Admin, SessionCaller};
use crate::http::extract::origin::Origin;
use crate::http::routes::key_events::{KeyEventLog, RevocationCause};
use crate::http::routes::not_found::name_missing;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::page::PageRequest;
use crate::model::users::{UserPatch, UserStatus};
use crate::storage::users::{self, User};
use crate::storage::{audit_events, user_changes};

/// Lists a page of users by name, with the number of all.
///
/// # Errors
/// Those of the database.
pub async fn list_users(
    services: &AccountServices,
    request: PageRequest,
) -> Result<(Vec<User>, i64), ApiError> {
    let list = services.db.run(Circuit::Auth, "users.list", async |conn| {
        users::list(conn, request.offset(), request.limit).await
    });
    Ok(list.await?)
}

/// Gets a user.
///
/// # Errors
/// [`ApiError::NotFound`].
pub async fn get_user(services: &AccountServices, user_id: Uuid) -> Result<User, ApiError> {
    let get =
        services.db.run(Circuit::Auth, "users.get", async |conn| users::get(conn, user_id).await);
    get.await.map_err(name_missing("User", &user_id.to_string()))
}

/// Changes a user. Takes effect on its sessions and API keys at once.
///
/// # Errors
/// [`ApiError::NotFound`]; [`ApiError::Conflict`] if the name or the address is taken, or if no
/// other active administrator would remain.
pub async fn update_user(
    services: &AccountServices,
    (caller, admin): (&SessionCaller, &Admin),
    origin: &Origin,
    (id, patch): (Uuid, &UserPatch),
) -> Result<User, ApiError> {
    let (now, actor) = (services.clock.now(), origin.actor(&caller.user));
    let updated = services.db.transaction(Circuit::Auth, "users.update", async |conn| {
        let changed =
            user_changes::update(conn, &admin.authority(), &actor, (id, patch), now).await?;
        let (user, difference) = (&changed.after, changed.after.changes_since(&changed.before));
        let action = Action::UserUpdated;
        audit_events::record_changes(conn, &actor, action, target(user), &difference, now).await?;
        Ok(changed)
    });
    let invalidation = services.invalidation(InvalidationScope::User(id));
    let changed = invalidation.apply_after(updated).await;
    let changed = changed.map_err(name_missing("User", &id.to_string()))?;
    services.instruments.authentication.count_revoked_keys(changed.revoked_keys.len());
    let cause = match changed.after.status {
        UserStatus::Suspended => RevocationCause::UserSuspended,
        _ => RevocationCause::UserDeactivated,
    };
    let events = KeyEventLog::new(&services.logger, &caller.user, &actor);
    events.revoked_with(cause, id, &changed.revoked_keys);
    Ok(changed.after)
}
