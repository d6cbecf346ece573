//! Routes of the caller's own account: profile and password.

use actix_web::{HttpResponse, get, post, web};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::key_events::{KeyEventLog, RevocationCause};
use super::not_found::name_missing;
use super::password_rules::check_password;
use super::users::response::UserBody;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::{json, secret_json};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::audit_events::Target;
use crate::storage::known_addresses::{self, Candidate};
use crate::storage::password_changes::PasswordUpdate;
use crate::storage::{password_changes, users};

/// Registers the routes of the caller's own account.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(me).service(change_password);
}

/// The current password and a new one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
struct PasswordChangeBody {
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
    keep_api_keys: bool,
}

/// Get my profile
///
/// Needs an access token; an API key has no profile.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, body = UserBody))
)]
#[get("/api/auth/me")]
async fn me(
    caller: SessionCaller,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let user = services
        .db
        .run(Circuit::Auth, "users.get", async |conn| users::get(conn, caller.user.user_id).await)
        .await
        .map_err(name_missing("User", &caller.user.user_id.to_string()))?;
    secret_json(HttpResponse::Ok(), &UserBody::from(user))
}

/// Change my password
///
/// Ends all other sessions and, unless `keep_api_keys` is true, revokes all API keys.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChangeBody,
    responses(
        (status = 200, body = MessageBody),
        (status = 403,
            description = "`current_password` is wrong (`WRONG_PASSWORD`), or the request used an \
                API key"),
    )
)]
#[post("/api/auth/change-password")]
async fn change_password(
    caller: SessionCaller,
    limiter: RequestLimiter,
    origin: Origin,
    body: JsonBody<PasswordChangeBody>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let (user, change) = (&caller.user, body.value);
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
        check_and_change(&services, &caller, origin, change, found).await
    };
    limiter.guard_password(&user.user_id.to_string(), lookup, check).await
}

async fn check_and_change(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: Origin,
    change: PasswordChangeBody,
    found: Option<Candidate>,
) -> Result<HttpResponse, ApiError> {
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
    let message = if keep_api_keys {
        "Password changed; all other sessions are ended"
    } else {
        "Password changed; all other sessions are ended and all API keys revoked"
    };
    json(&mut HttpResponse::Ok(), &MessageBody::new(message))
}
