//! Registering, logging in and out, and what a user does with its own account.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, HttpResponseBuilder, get, post, web};
use chrono::{DateTime, Utc};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::credentials::passwords;
use crate::credentials::tokens::{Bearer, InvalidToken, fingerprint};
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::Caller;
use crate::http::extract::json_body::JsonBody;
use crate::model::object::Object;
use crate::model::text::{Email, Text100, Text2000, Username};
use crate::model::users::{Role, UserStatus};
use crate::storage::sessions::{self, NewSession, Rotation};
use crate::storage::users::{self, NewUser, User};

/// One text and one timing for an unknown name, an inactive account and a wrong password.
const WRONG: &str = "User name or password is wrong";
const BAD_REFRESH: &str = "The refresh token is invalid, used or expired";

/// All routes of sessions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(register).service(login).service(refresh).service(logout).service(me).service(change_password);
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

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserBody {
    pub(super) success: bool,
    pub(super) user: User,
}

#[derive(Serialize, ToSchema)]
struct TokenPair {
    access_token: String,
    refresh_token: String,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
    /// Always "Bearer".
    token_type: &'static str,
    /// The jti of the access token.
    token_id: Uuid,
}

impl From<InvalidToken> for ApiError {
    fn from(_: InvalidToken) -> Self {
        Self::Internal { cause: "a token could not be signed".into() }
    }
}

/// A log-in or refresh in the making: its next refresh token is known before the database is asked.
struct Next {
    session: NewSession,
    now: DateTime<Utc>,
}

impl Next {
    fn of(state: &AppState, user_id: Uuid) -> Result<Self, ApiError> {
        let (now, session_id) = (state.clock.now(), Uuid::now_v7());
        let token = state.tokens.issue_refresh(user_id, session_id, now)?;
        let session = NewSession {
            session_id,
            token_hash: fingerprint(&token),
            created_at: now,
            expires_at: now + chrono::TimeDelta::seconds(state.tokens.refresh_expiry),
        };
        Ok(Self { session, now })
    }
}

fn pair(
    state: &AppState,
    user: &User,
    family_id: Uuid,
    (session_id, issued): (Uuid, DateTime<Utc>),
) -> Result<TokenPair, ApiError> {
    let token_id = Uuid::now_v7();
    let bearer = Bearer {
        user_id: user.user_id,
        username: &user.username,
        email: &user.email,
        role: user.role.as_ref(),
        family_id,
    };
    Ok(TokenPair {
        access_token: state.tokens.issue_access(bearer, token_id, state.clock.now())?,
        refresh_token: state.tokens.issue_refresh(user.user_id, session_id, issued)?,
        expires_in: state.tokens.access_expiry,
        token_type: "Bearer",
        token_id,
    })
}

/// Answers that carry secrets are kept by nobody on the way.
fn secret<T: Serialize>(mut builder: HttpResponseBuilder, body: &T) -> Result<HttpResponse, ApiError> {
    json(builder.insert_header((CACHE_CONTROL, "no-store")), body)
}

/// What a new password must be.
pub(super) fn check_password(
    field: &str,
    password: &SecretString,
    username: &str,
    email: &str,
) -> Result<(), ApiError> {
    passwords::flaw(password, username, email).map_or(Ok(()), |flaw| Err(ApiError::invalid(field, flaw)))
}

/// Register
///
/// As a viewer; an administrator may raise the role later.
#[utoipa::path(
    tag = "auth",
    request_body = Registration,
    responses(
        (status = 201, body = LoggedIn),
        (status = 403, description = "Registration is closed"),
        (status = 409, description = "The user name or e-mail address is taken"),
    )
)]
#[post("/api/auth/register")]
async fn register(body: JsonBody<Registration>, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    if !state.policy.registration {
        return Err(ApiError::Authorization("Registration is closed; ask an administrator"));
    }
    let Registration { username, email, password, full_name } = body.value;
    check_password("password", &password, username.as_str(), email.as_str())?;
    let password_hash = state.hasher.hash(password).await?;
    let user_id = Uuid::now_v7();
    let (next, family_id) = (Next::of(&state, user_id)?, Uuid::now_v7());
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
    let user = state
        .db
        .transaction(Circuit::Auth, "register", async |conn| {
            let user = users::create(conn, &new, next.now).await?;
            sessions::start(conn, user_id, family_id, &next.session).await?;
            Ok(user)
        })
        .await?;
    let tokens = pair(&state, &user, family_id, (next.session.session_id, next.now))?;
    secret(HttpResponse::Created(), &LoggedIn { success: true, user, tokens })
}

/// Log in
#[utoipa::path(
    tag = "auth",
    request_body = LogIn,
    responses((status = 200, body = LoggedIn), (status = 401, description = "User name or password is wrong"))
)]
#[post("/api/auth/login")]
async fn login(body: JsonBody<LogIn>, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let LogIn { username, password } = body.value;
    let found = state
        .db
        .run(Circuit::Auth, "find_for_login", async |conn| users::find_for_login(conn, username.as_str()).await)
        .await?;
    let hash = found.as_ref().map(|(_, hash)| hash.expose_secret().to_owned());
    let right = state.hasher.verify(password, hash).await?;
    let (Some((user, checked)), true) = (found, right) else { return Err(ApiError::Authentication(WRONG)) };
    let (next, family_id) = (Next::of(&state, user.user_id)?, Uuid::now_v7());
    let user = state
        .db
        .transaction(Circuit::Auth, "login", async |conn| {
            let user = users::logged_in(conn, user.user_id, &checked, next.now).await?;
            if let Some(user) = &user {
                sessions::start(conn, user.user_id, family_id, &next.session).await?;
            }
            Ok(user)
        })
        .await?
        .ok_or(ApiError::Authentication(WRONG))?;
    let tokens = pair(&state, &user, family_id, (next.session.session_id, next.now))?;
    secret(HttpResponse::Ok(), &LoggedIn { success: true, user, tokens })
}

/// Exchange a refresh token for new tokens
///
/// Each is good for one exchange. Used again within ten seconds it gives the same successor, for a client whose answer was
/// lost; used again later it ends the whole log-in, because someone else may have it.
#[utoipa::path(
    tag = "auth",
    request_body = Refresh,
    responses((status = 200, body = Refreshed), (status = 401, description = "Invalid, used or expired"))
)]
#[post("/api/auth/refresh")]
async fn refresh(body: JsonBody<Refresh>, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let token = body.value.refresh_token.expose_secret();
    let claims =
        state.tokens.verify_refresh(token, state.clock.now()).map_err(|_| ApiError::Authentication(BAD_REFRESH))?;
    let (hash, next) = (fingerprint(token), Next::of(&state, claims.user_id())?);
    let rotation = state
        .db
        .transaction(Circuit::Auth, "refresh", async |conn| sessions::rotate(conn, &hash, &next.session).await)
        .await?;
    match rotation {
        Rotation::To(welcomed) => {
            let (session, user) = *welcomed;
            let tokens = pair(&state, &user, session.family_id, (session.session_id, session.created_at))?;
            secret(HttpResponse::Ok(), &Refreshed { success: true, tokens })
        }
        Rotation::Refused => Err(ApiError::Authentication(BAD_REFRESH)),
        Rotation::Reused(user_id) => {
            slog::warn!(state.logger, "a refresh token was used again; its log-in is ended";
                "user_id" => user_id.to_string());
            Err(ApiError::Authentication(BAD_REFRESH))
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
async fn logout(body: JsonBody<Refresh>, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (token, now) = (body.value.refresh_token.expose_secret(), state.clock.now());
    state.tokens.verify_refresh(token, now).map_err(|_| ApiError::Authentication(BAD_REFRESH))?;
    let hash = fingerprint(token);
    state
        .db
        .transaction(Circuit::Auth, "logout", async |conn| match sessions::end(conn, &hash, now).await {
            // Gone already: what was asked for is true.
            Err(crate::storage::StorageError::NotFound) => Ok(()),
            ended => ended,
        })
        .await?;
    json(&mut HttpResponse::Ok(), &Message::of("Logged out"))
}

/// Who am I
#[utoipa::path(tag = "auth", security(("bearer" = [])), responses((status = 200, body = UserBody)))]
#[get("/api/auth/me")]
async fn me(caller: Caller) -> Result<HttpResponse, ApiError> {
    secret(HttpResponse::Ok(), &UserBody { success: true, user: caller.user })
}

/// Change my password
///
/// Ends all other log-ins.
#[utoipa::path(
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses((status = 200, body = Message))
)]
#[post("/api/auth/change-password")]
async fn change_password(
    caller: Caller,
    body: JsonBody<PasswordChange>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let PasswordChange { current_password, new_password } = body.value;
    let user = &caller.user;
    check_password("new_password", &new_password, &user.username, &user.email)?;
    let old = state
        .db
        .run(Circuit::Auth, "password_hash", async |conn| users::password_hash(conn, user.user_id).await)
        .await?;
    if !state.hasher.verify(current_password, Some(old.expose_secret().to_owned())).await? {
        return Err(ApiError::Authentication("The current password is wrong"));
    }
    let new = state.hasher.hash(new_password).await?;
    let now = state.clock.now();
    state
        .db
        .transaction(Circuit::Auth, "change_password", async |conn| {
            users::set_password(conn, user.user_id, Some(&old), &new, now).await?;
            sessions::end_all(conn, user.user_id, Some(caller.family_id), now).await
        })
        .await?;
    json(&mut HttpResponse::Ok(), &Message::of("Password changed; all other sessions are ended"))
}
