//! Registering, logging in, refreshing, logging out.

use actix_web::{HttpResponse, post, web};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::account::check_password;
use super::token_pair::{TokenPair, next_session, pair, secret};
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::credentials::tokens::RefreshClaims;
use crate::http::AppState;
use crate::http::answer;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::registration::RegistrationEnabled;
use crate::http::rate_limit::{Against, Limiter, failed, pseudonym};
use crate::model::audit::Action;
use crate::model::authority::Concern;
use crate::model::object::Object;
use crate::model::text::{Email, Text100, Text2000, Username};
use crate::model::users::{Role, UserStatus};
use crate::rate_limit::policy::Policy;
use crate::storage::audit_events::{self, Target};
use crate::storage::known_addresses::{self, Candidate};
use crate::storage::sessions::rotation::{self, Presented, Rotation};
use crate::storage::sessions::{self, SessionClient};
use crate::storage::users::{self, NewUser, User};
use crate::telemetry::instruments::authentication::Method;

/// One text and one timing for an unknown name, an inactive account and a wrong password.
const WRONG: &str = "User name or password is wrong";
const BAD_REFRESH: &str = "The refresh token is invalid, used or expired";

/// All routes of sessions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(register).service(login).service(refresh).service(logout);
}

/// Who registers.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    #[garde(dive)]
    username: Username,
    #[garde(dive)]
    email: Email,
    /// 12 to 128 characters, none of the common ones.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: SecretString,
    #[garde(dive)]
    full_name: Text100,
}

/// Who logs in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    /// User name or e-mail address.
    #[garde(dive)]
    username: Text2000,
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A refresh token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    #[garde(skip)]
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

fn target(user: &User) -> Target<'_> {
    Target { id: user.user_id, name: &user.username }
}

/// A user and its tokens.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    success: bool,
    user: User,
    tokens: TokenPair,
}

/// New tokens.
#[derive(Serialize, ToSchema)]
struct Refreshed {
    success: bool,
    tokens: TokenPair,
}

/// Register
///
/// As a viewer; an administrator may raise the role later.
#[utoipa::path(
    tag = "auth",
    request_body = Registration,
    responses(
        (status = 201, body = LoggedIn),
        (status = 404, description = "Registration is not enabled"),
        (status = 409, description = "The user name or e-mail address is taken"),
    )
)]
#[post("/api/auth/register")]
async fn register(
    _enabled: RegistrationEnabled,
    limiter: Limiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<Registration>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if !state.readiness.is_prepared() {
        // Before the first administrator exists nobody may take its name.
        return Err(ApiError::starting());
    }
    check_password(
        "password",
        &body.value.password,
        body.value.username.as_str(),
        body.value.email.as_str(),
    )?;
    let work = async || registered(&state, (client, origin), body.value, &limiter).await;
    limiter.guard(Policy::Auth, Against::Address, failed, work).await
}

async fn registered(
    state: &AppState,
    (client, origin): (SessionClient, Origin),
    registration: Registration,
    limiter: &Limiter,
) -> Result<HttpResponse, ApiError> {
    let place = limiter.place();
    let Registration { username, email, password, full_name } = registration;
    let password_hash = state.hasher.hash(password).await?;
    let user_id = Uuid::now_v7();
    let (next, family_id) = (next_session(state, client), Uuid::now_v7());
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
    let (user, session) = state
        .db
        .transaction(Circuit::Auth, "register", async |conn| {
            let user = users::create(conn, &new, next.now).await?;
            let session = sessions::start(conn, &state.tokens, (user_id, family_id), &next).await?;
            known_addresses::record(conn, user_id, &place, next.now).await?;
            let (actor, details) =
                (origin.actor_named(user_id, &user.username), json!({ "session": family_id }));
            audit_events::record(
                conn,
                &actor,
                Action::UserRegistered,
                target(&user),
                &details,
                next.now,
            )
            .await?;
            Ok((user, session))
        })
        .await?;
    limiter.insert_known(state, &user);
    let tokens = pair(state, &user, &session)?;
    secret(HttpResponse::Created(), &LoggedIn { success: true, user, tokens })
}

/// Log in
#[utoipa::path(
    tag = "auth",
    request_body = LogIn,
    responses((status = 200, body = LoggedIn), (status = 401, description = "User name or password is wrong"))
)]
#[post("/api/auth/login")]
async fn login(
    limiter: Limiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<LogIn>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let LogIn { username, password } = body.value;
    let lookup = async |place: &str| {
        let (username, now) = (username.as_str(), state.clock.now());
        let found = state.db.run(Circuit::Auth, "find_for_login", async |conn| {
            known_addresses::find_by_name(conn, username, place, now).await
        });
        Ok(found.await?)
    };
    origin.attempts(Action::LoginFailed, Some((None, pseudonym(username.as_str()))));
    let check = async |found| logged_in(&state, (client, origin), found, password, &limiter).await;
    limiter.guard_password(username.as_str(), lookup, check).await
}

async fn logged_in(
    state: &AppState,
    (client, origin): (SessionClient, Origin),
    found: Option<Candidate>,
    password: SecretString,
    limiter: &Limiter,
) -> Result<HttpResponse, ApiError> {
    if let Some(Candidate { user, .. }) = &found {
        origin.attempts(Action::LoginFailed, Some((Some(user.user_id), user.username.clone())));
    }
    let hash = found.as_ref().map(|found| found.password_hash.expose_secret().to_owned());
    let right = state.hasher.verify(password, hash).await?;
    let attempts = &state.instruments.authentication;
    let (Some(Candidate { user, password_hash: checked, .. }), true) = (found, right) else {
        attempts.attempt(Method::Login, false);
        return Err(ApiError::Authentication(WRONG));
    };
    let (next, family_id, place) = (next_session(state, client), Uuid::now_v7(), limiter.place());
    let started = state
        .db
        .transaction(Circuit::Auth, "login", async |conn| {
            // Changing the user's row locks it, too.
            let Some(user) = users::logged_in(conn, user.user_id, &checked, next.now).await? else {
                return Ok(None);
            };
            let session =
                sessions::start(conn, &state.tokens, (user.user_id, family_id), &next).await?;
            known_addresses::record(conn, user.user_id, &place, next.now).await?;
            let actor = origin.actor_named(user.user_id, &user.username);
            let details = json!({ "session": family_id });
            audit_events::record(
                conn,
                &actor,
                Action::SessionStarted,
                target(&user),
                &details,
                next.now,
            )
            .await?;
            Ok(Some((user, session)))
        })
        .await?;
    attempts.attempt(Method::Login, started.is_some());
    let (user, session) = started.ok_or(ApiError::Authentication(WRONG))?;
    limiter.insert_known(state, &user);
    let tokens = pair(state, &user, &session)?;
    secret(HttpResponse::Ok(), &LoggedIn { success: true, user, tokens })
}

/// Exchange a refresh token for new tokens
///
/// Each is good for one exchange. Used again within ten seconds it gives the same successor, for a
/// client whose answer was lost; used again later it ends the whole log-in, because someone else
/// may have it.
#[utoipa::path(
    tag = "auth",
    request_body = Refresh,
    responses((status = 200, body = Refreshed), (status = 401, description = "Invalid, used or expired"))
)]
#[post("/api/auth/refresh")]
async fn refresh(
    limiter: Limiter,
    client: SessionClient,
    origin: Origin,
    body: JsonBody<Refresh>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    origin.attempts(Action::Unauthenticated, None);
    let work = async || {
        refreshed(&state, (client, origin), body.value.refresh_token.expose_secret(), &limiter)
            .await
    };
    limiter.guard(Policy::Auth, Against::Address, failed, work).await
}

/// A token that was verified, as the database looks for it.
fn presented(claims: &RefreshClaims, token: &str) -> Presented {
    Presented { user_id: claims.user_id(), family_id: claims.sid, token_hash: fingerprint(token) }
}

async fn refreshed(
    state: &AppState,
    (client, origin): (SessionClient, Origin),
    token: &str,
    limiter: &Limiter,
) -> Result<HttpResponse, ApiError> {
    let refused = || {
        state.instruments.authentication.attempt(Method::Refresh, false);
        ApiError::Authentication(BAD_REFRESH)
    };
    let claims = state.tokens.verify_refresh(token, state.clock.now()).map_err(|_| refused())?;
    let (presented, next, place) =
        (presented(&claims, token), next_session(state, client), limiter.place());
    let rotated = state.db.transaction(Circuit::Auth, "refresh", async |conn| {
        let rotation = rotation::rotate(conn, &state.tokens, &presented, &next).await?;
        if let Rotation::To(successor) = &rotation {
            known_addresses::record(conn, successor.1.user_id, &place, next.now).await?;
        }
        if let Rotation::Reused(user_id) = &rotation {
            let user = users::get(conn, *user_id).await?;
            let details = json!({ "session": claims.sid });
            origin.attempts(Action::SessionReuseDetected, None);
            audit_events::record_reuse(conn, &origin.nobody(), target(&user), &details, next.now)
                .await?;
        }
        Ok(rotation)
    });
    let ended = |rotation: &Rotation| matches!(rotation, Rotation::Reused(_));
    let invalidation = state.invalidation(Concern::Sessions(claims.user_id()));
    let rotation = invalidation.deliver_after_if(rotated, ended).await?;
    match rotation {
        Rotation::To(successor) => {
            state.instruments.authentication.attempt(Method::Refresh, true);
            let (session, user) = *successor;
            limiter.insert_known(state, &user);
            let tokens = pair(state, &user, &session)?;
            secret(HttpResponse::Ok(), &Refreshed { success: true, tokens })
        }
        Rotation::Refused => Err(refused()),
        Rotation::Reused(user_id) => {
            slog::warn!(state.logger, "a refresh token was used again; its log-in is ended";
                "user_id" => user_id.to_string());
            Err(refused())
        }
    }
}

/// Log out
///
/// Ends the log-in that the refresh token belongs to, access tokens included.
#[utoipa::path(
    tag = "auth",
    request_body = Refresh,
    responses((status = 200, body = Message), (status = 401, description = "No refresh token of ours"))
)]
#[post("/api/auth/logout")]
async fn logout(
    origin: Origin,
    body: JsonBody<Refresh>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    origin.attempts(Action::Unauthenticated, None);
    let (token, now) = (body.value.refresh_token.expose_secret(), state.clock.now());
    let claims = state
        .tokens
        .verify_refresh(token, now)
        .map_err(|_| ApiError::Authentication(BAD_REFRESH))?;
    let presented = presented(&claims, token);
    let ended = state.db.transaction(Circuit::Auth, "logout", async |conn| {
        match rotation::end_by_token(conn, &presented, now).await {
            // Gone already: what was asked for is true.
            Err(crate::storage::StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let user = users::get(conn, claims.user_id()).await?;
                let (actor, details) = (
                    origin.actor_named(user.user_id, &user.username),
                    json!({ "session": claims.sid }),
                );
                audit_events::record(
                    conn,
                    &actor,
                    Action::SessionEnded,
                    target(&user),
                    &details,
                    now,
                )
                .await
            }
        }
    });
    state.invalidation(Concern::Sessions(claims.user_id())).deliver_after(ended).await?;
    answer::json(&mut HttpResponse::Ok(), &Message::of("Logged out"))
}
