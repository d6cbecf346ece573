//! Log-in with username or email and password: rate limits, the check, the new session and its
//! audit event.

use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
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
use crate::http::rate_limit::{RequestLimiter, pseudonym};
use crate::model::audit::Action;
use crate::model::text::Text2000;
use crate::model::users::UserStatus;
use crate::storage::known_addresses::{self, Candidate};
use crate::storage::sessions::{self, Session, SessionClient};
use crate::storage::users::User;
use crate::storage::{audit_events, users};
use crate::telemetry::instruments::authentication::AuthMethod;

/// One message and one timing for an unknown name, an inactive account and a wrong password.
const WRONG_CREDENTIALS: &str = "User name or password is wrong";

/// Credentials of a user.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
pub struct LoginBody {
    /// Username or email.
    #[garde(dive)]
    username: Text2000,
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Checks the credentials, and starts a session.
///
/// # Errors
/// [`ApiError::Authentication`] for wrong ones, [`ApiError::RateLimited`] after too many attempts.
pub async fn log_in(
    services: &AccountServices,
    limiter: &RequestLimiter,
    (client, origin): (SessionClient, Origin),
    credentials: LoginBody,
) -> Result<(User, Session), ApiError> {
    let LoginBody { username, password } = credentials;
    let lookup = async |client_prefix: &str| {
        let (username, now) = (username.as_str(), services.clock.now());
        let found = services.db.run(Circuit::Auth, "users.find_for_login", async |conn| {
            known_addresses::find_by_name(conn, username, client_prefix, now).await
        });
        Ok(found.await?)
    };
    let account = (None, pseudonym(username.as_str()));
    origin.set_attempted_action(Action::LoginFailed, Some(account));
    let check =
        async |found| check_and_start(services, (client, origin), found, password, limiter).await;
    limiter.guard_password(username.as_str(), lookup, check).await
}

async fn check_and_start(
    services: &AccountServices,
    (client, origin): (SessionClient, Origin),
    found: Option<Candidate>,
    password: SecretString,
    limiter: &RequestLimiter,
) -> Result<(User, Session), ApiError> {
    if let Some(Candidate { user, .. }) = &found {
        let account = (Some(user.user_id), user.username.clone());
        origin.set_attempted_action(Action::LoginFailed, Some(account));
    }
    // An inactive user is refused like a wrong password, and as quickly.
    let is_active = found.as_ref().is_some_and(|found| found.user.status == UserStatus::Active);
    let hash = found.as_ref().map(|found| found.password_hash.expose_secret().to_owned());
    let is_right = services.hasher.verify(password, hash).await?;
    let attempts = &services.instruments.authentication;
    let accepted = found.filter(|_| is_right && is_active);
    let Some(Candidate { user, password_hash: checked, .. }) = accepted else {
        attempts.count_attempt(AuthMethod::Login, false);
        return Err(ApiError::Authentication(WRONG_CREDENTIALS));
    };
    let (next, family_id) = (next_session(&services.clock, client), Uuid::now_v7());
    let client_prefix = limiter.client_prefix();
    let started = services
        .db
        .transaction(Circuit::Auth, "sessions.login", async |conn| {
            // The update also locks the user's row.
            let Some(user) = users::record_login(conn, user.user_id, &checked, next.now).await?
            else {
                return Ok(None);
            };
            let ids = (user.user_id, family_id);
            let session = sessions::start(conn, &services.tokens, ids, &next).await?;
            known_addresses::record(conn, user.user_id, &client_prefix, next.now).await?;
            let actor = origin.actor_named(user.user_id, &user.username);
            let (action, details) = (Action::SessionStarted, json!({ "session": family_id }));
            audit_events::record(conn, &actor, action, target(&user), &details, next.now).await?;
            Ok(Some((user, session)))
        })
        .await?;
    attempts.count_attempt(AuthMethod::Login, started.is_some());
    let (user, session) = started.ok_or(ApiError::Authentication(WRONG_CREDENTIALS))?;
    limiter.insert_known_address(&user);
    Ok((user, session))
}
