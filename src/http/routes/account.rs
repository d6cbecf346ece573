//! What a user does with its own account.

use actix_web::{HttpResponse, get, post, web};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::token_pair::secret;
use crate::actors::db_breaker::Circuit;
use crate::credentials::passwords;
use crate::http::AppState;
use crate::http::answer;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::Person;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::Limiter;
use crate::model::audit::Action;
use crate::model::authority::Concern;
use crate::storage::audit_events::Target;
use crate::storage::known_addresses::{self, Candidate};
use crate::storage::users::User;
use crate::storage::{password_changes, users};

/// All routes of one's own account.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(me).service(change_password);
}

/// An old password and a new one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// 12 to 128 characters, none of the common ones.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
    /// Whether your API keys go on working; if not said they are revoked, because whoever knew the
    /// old password may have made some.
    #[serde(default)]
    #[garde(skip)]
    keep_api_keys: bool,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserBody {
    pub(super) success: bool,
    pub(super) user: User,
}

/// What a new password must be.
pub(super) fn check_password(
    field: &str,
    password: &SecretString,
    username: &str,
    email: &str,
) -> Result<(), ApiError> {
    passwords::flaw(password, username, email)
        .map_or(Ok(()), |flaw| Err(ApiError::invalid(field, flaw)))
}

/// Who am I
#[utoipa::path(tag = "auth", security(("bearer" = [])), responses((status = 200, body = UserBody)))]
#[get("/api/auth/me")]
async fn me(caller: Person, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let user = state
        .db
        .run(Circuit::Auth, "get_user", async |conn| users::get(conn, caller.user.user_id).await)
        .await?;
    secret(HttpResponse::Ok(), &UserBody { success: true, user })
}

/// Change my password
///
/// Ends all other log-ins and, unless `keep_api_keys` is true, revokes your API keys.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses(
        (status = 200, body = Message),
        (status = 403, description = "`current_password` is wrong (`WRONG_PASSWORD`), or an API key was sent"),
    )
)]
#[post("/api/auth/change-password")]
async fn change_password(
    caller: Person,
    limiter: Limiter,
    origin: Origin,
    body: JsonBody<PasswordChange>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (user, change) = (&caller.user, body.value);
    check_password("new_password", &change.new_password, &user.username, &user.email)?;
    origin.attempts(Action::Unauthenticated, Some((Some(user.user_id), user.username.clone())));
    let lookup = async |place: &str| {
        let now = state.clock.now();
        let found = state.db.run(Circuit::Auth, "password_hash", async |conn| {
            known_addresses::find_by_id(conn, user.user_id, place, now).await
        });
        Ok(Some(found.await?))
    };
    let check =
        async |found: Option<Candidate>| changed(&state, &caller, origin, change, found).await;
    limiter.guard_password(&user.user_id.to_string(), lookup, check).await
}

async fn changed(
    state: &AppState,
    caller: &Person,
    origin: Origin,
    change: PasswordChange,
    found: Option<Candidate>,
) -> Result<HttpResponse, ApiError> {
    let PasswordChange { current_password, new_password, keep_api_keys } = change;
    let (user, old) = (&caller.user, found.map(|found| found.password_hash));
    let hash = old.as_ref().map(|old| old.expose_secret().to_owned());
    if !state.hasher.verify(current_password, hash).await? {
        return Err(ApiError::WrongPassword);
    }
    let new = state.hasher.hash(new_password).await?;
    let (now, actor) = (state.clock.now(), origin.actor(user));
    let authority = caller.authority();
    let change = password_changes::PasswordChange {
        user: Target { id: user.user_id, name: &user.username },
        authority: Some(&authority),
        old_hash: old.as_ref(),
        new_hash: &new,
        spared: Some(caller.family_id),
        keeps_api_keys: keep_api_keys,
    };
    let changed = state.db.transaction(Circuit::Auth, "change_password", async |conn| {
        password_changes::make(conn, &actor, change, now).await
    });
    let revoked = state.invalidation(Concern::User(user.user_id)).deliver_after(changed).await?;
    state.instruments.authentication.keys_revoked(revoked);
    answer::json(
        &mut HttpResponse::Ok(),
        &Message::of(if keep_api_keys {
            "Password changed; all other sessions are ended"
        } else {
            "Password changed; all other sessions are ended and all API keys revoked"
        }),
    )
}
