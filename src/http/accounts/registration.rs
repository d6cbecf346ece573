//! Self-registration: the rules, the new user and its first session.

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::next_session;
use super::user_target::target;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::{Against, RequestLimiter, is_failed_attempt, pseudonym};
use crate::http::routes::password_rules::check_password;
use crate::model::audit::Action;
use crate::model::object::Object;
use crate::model::text::{Email, Text100, Username};
use crate::model::users::{Role, UserStatus};
use crate::rate_limit::policy::Policy;
use crate::storage::sessions::{self, Session, SessionClient};
use crate::storage::users::{self, NewUser, User};
use crate::storage::{audit_events, known_addresses};

/// A user to register.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[garde(dive)]
    username: Username,
    #[garde(dive)]
    email: Email,
    /// 12 to 128 characters, not a common password.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: SecretString,
    #[garde(dive)]
    full_name: Text100,
}

/// Creates a user, who is a viewer, and starts a session. Whether registration is enabled is
/// checked before (`extract::registration`).
///
/// # Errors
/// [`ApiError::Validation`] for a bad password, [`ApiError::Conflict`] if the username or the email
/// exists, [`ApiError::RateLimited`] after too many of these.
pub async fn register(
    services: &AccountServices,
    limiter: &RequestLimiter,
    (client, origin): (SessionClient, Origin),
    registration: RegistrationBody,
) -> Result<(User, Session), ApiError> {
    if !services.readiness.is_prepared() {
        // Before the first administrator exists, its username must not be taken.
        return Err(ApiError::starting());
    }
    let (username, email) = (registration.username.as_str(), registration.email.as_str());
    check_password("password", &registration.password, username, email)?;
    origin.set_attempted_action(Action::UserRegistered, Some((None, pseudonym(username))));
    let work = async || create(services, (client, origin), registration, limiter).await;
    limiter.guard(Policy::Auth, Against::Address, is_failed_attempt, work).await
}

async fn create(
    services: &AccountServices,
    (client, origin): (SessionClient, Origin),
    registration: RegistrationBody,
    limiter: &RequestLimiter,
) -> Result<(User, Session), ApiError> {
    let RegistrationBody { username, email, password, full_name } = registration;
    let client_prefix = limiter.client_prefix();
    let password_hash = services.hasher.hash(password).await?;
    let (user_id, family_id) = (Uuid::now_v7(), Uuid::now_v7());
    let next = next_session(&services.clock, client);
    let new = NewUser {
        user_id,
        username: username.as_str(),
        email: email.as_str(),
        full_name: full_name.as_str(),
        password_hash: &password_hash,
        role: Role::Viewer,
        status: UserStatus::Active,
        metadata: &Object::default(),
    };
    let (user, session) = services
        .db
        .transaction(Circuit::Auth, "users.register", async |conn| {
            let user = users::create(conn, &new, next.now).await?;
            let ids = (user_id, family_id);
            let session = sessions::start(conn, &services.tokens, ids, &next).await?;
            known_addresses::record(conn, user_id, &client_prefix, next.now).await?;
            let actor = origin.actor_named(user_id, &user.username);
            let (action, details) = (Action::UserRegistered, json!({ "session": family_id }));
            audit_events::record(conn, &actor, action, target(&user), &details, next.now).await?;
            Ok((user, session))
        })
        .await?;
    limiter.insert_known_address(&user);
    Ok((user, session))
}
