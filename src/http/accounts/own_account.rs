//! A user's own profile, and the change of their password.

use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::routes::key_events::{KeyEventLog, RevocationCause};
use crate::http::routes::not_found::name_missing;
use crate::http::routes::password_rules::check_password;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::audit_events::Target;
use crate::storage::known_addresses::{self, Candidate};
use crate::storage::password_changes::{self, PasswordUpdate};
use crate::storage::users::{self, User};

/// The current password and a new one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// 12 to 128 characters, not a common password.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
    /// Whether API keys stay valid. By default they are revoked, because they may have been created
    /// with a stolen password.
    #[serde(default)]
    #[garde(skip)]
    pub(in crate::http) keep_api_keys: bool,
}

/// Gets the profile of the caller.
///
/// # Errors
/// Those of the database; [`ApiError::NotFound`] if the user was just deleted.
pub async fn get_profile(
    services: &AccountServices,
    caller: &SessionCaller,
) -> Result<User, ApiError> {
    let user_id = caller.user.user_id;
    let get =
        services.db.run(Circuit::Auth, "users.get", async |conn| users::get(conn, user_id).await);
    get.await.map_err(name_missing("User", &user_id.to_string()))
}

/// Changes the password of the caller. Ends all other sessions and, unless they are to be kept,
/// revokes all API keys.
///
/// # Errors
/// [`ApiError::Validation`] for a bad new password, [`ApiError::WrongPassword`] for a wrong current
/// one, [`ApiError::RateLimited`] after too many attempts.
pub async fn change_password(
    services: &AccountServices,
    (caller, origin): (&SessionCaller, &Origin),
    limiter: &RequestLimiter,
    change: PasswordChangeBody,
) -> Result<(), ApiError> {
    let user = &caller.user;
    check_password("new_password", &change.new_password, &user.username, &user.email)?;
    let account = (Some(user.user_id), user.username.clone());
    origin.set_attempted_action(Action::Unauthenticated, Some(account));
    let lookup = async |client_prefix: &str| {
        let now = services.clock.now();
        let found = services.db.run(Circuit::Auth, "users.password_hash", async |conn| {
            known_addresses::find_by_id(conn, user.user_id, client_prefix, now).await
        });
        Ok(Some(found.await?))
    };
    let check = async |found: Option<Candidate>| {
        check_and_change(services, (caller, origin), change, found).await
    };
    limiter.guard_password(&user.user_id.to_string(), lookup, check).await
}

async fn check_and_change(
    services: &AccountServices,
    (caller, origin): (&SessionCaller, &Origin),
    change: PasswordChangeBody,
    found: Option<Candidate>,
) -> Result<(), ApiError> {
    let PasswordChangeBody { current_password, new_password, keep_api_keys } = change;
    let (user, old) = (&caller.user, found.map(|found| found.password_hash));
    let hash = old.as_ref().map(|old| old.expose_secret().to_owned());
    if !services.hasher.verify(current_password, hash).await? {
        return Err(ApiError::WrongPassword);
    }
    let new = services.hasher.hash(new_password).await?;
    let (now, actor) = (services.clock.now(), origin.actor(user));
    let authority = caller.authority();
    let update = PasswordUpdate {
        user: Target { id: user.user_id, name: &user.username },
        authority: Some(&authority),
        old_hash: old.as_ref(),
        new_hash: &new,
        kept_session: Some(caller.family_id),
        keep_api_keys,
    };
    let changed = services.db.transaction(Circuit::Auth, "users.change_password", async |conn| {
        password_changes::apply(conn, &actor, update, now).await
    });
    let invalidation = services.invalidation(InvalidationScope::User(user.user_id));
    let revoked = invalidation.apply_after(changed).await?;
    services.instruments.authentication.count_revoked_keys(revoked.len());
    let events = KeyEventLog::new(&services.logger, user, &actor);
    events.revoked_with(RevocationCause::PasswordChanged, user.user_id, &revoked);
    Ok(())
}
