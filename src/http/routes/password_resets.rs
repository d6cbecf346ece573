//! A new password for whoever has lost the old one: asked for by e-mail address, set with the token
//! of the mail.

use std::time::Duration;

use actix_web::{HttpResponse, post, web};
use diesel_async::AsyncPgConnection;
use garde::Validate;
use rand::Rng;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::account::check_password;
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::AppState;
use crate::http::answer;
use crate::http::auditing;
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::{Against, Limiter, failed, pseudonym};
use crate::model::audit::{Action, Channel};
use crate::model::authority::Concern;
use crate::model::text::Email;
use crate::model::users::UserStatus;
use crate::rate_limit::policy::Policy;
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::{StorageError, password_changes, password_resets, users};

const ACCEPTED: &str =
    "If somebody has this address, a mail is on its way; what it says counts for 30 minutes.";
const BAD_TOKEN: &str = "The token is invalid, used or expired";
/// After how long the work behind the answer is tried once more.
const AGAIN: Duration = Duration::from_secs(2);

/// Both routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(request).service(confirm);
}

/// Whose password is lost.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetRequest {
    #[garde(dive)]
    email: Email,
}

/// A token and a new password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetConfirmation {
    /// From the mail.
    #[garde(skip)]
    #[schema(value_type = String)]
    token: SecretString,
    /// 12 to 128 characters, none of the common ones.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
}

/// Ask for a new password
///
/// The answer and its time are the same whether or not somebody has this address: everything else
/// happens afterwards.
#[utoipa::path(
    tag = "auth",
    operation_id = "request_password_reset",
    request_body = ResetRequest,
    responses((status = 202, body = Message))
)]
#[post("/api/auth/password-reset/request")]
async fn request(
    limiter: Limiter,
    origin: Origin,
    body: JsonBody<ResetRequest>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let email = body.value.email;
    let account = email.as_str().to_owned();
    let accept = async || {
        let (state, actor) = (state.clone(), origin.nobody().apart());
        actix_web::rt::spawn(async move {
            if let Err(cause) = write_to(&state, email.as_str(), &actor).await {
                slog::error!(state.logger, "password reset not sent"; "error" => cause);
            }
        });
        answer::json(&mut HttpResponse::Accepted(), &Message::of(ACCEPTED))
    };
    limiter
        .guard(Policy::PasswordReset, Against::AddressAndAccount(&account), Result::is_ok, accept)
        .await
}

/// The work behind the answer.
async fn write_to(state: &web::Data<AppState>, email: &str, actor: &Actor) -> Result<(), String> {
    let token: String = rand::rng().sample_iter(Alphanumeric).take(48).map(char::from).collect();
    let (hash, now) = (fingerprint(&token), state.clock.now());
    let stored = async || {
        let work = async |conn: &mut AsyncPgConnection| {
            let account = password_resets::request(conn, email, &hash, now).await?;
            if let Some(user) = &account {
                let target = Target { id: user.user_id, name: &user.username };
                audit_events::record(
                    conn,
                    actor,
                    Action::PasswordResetRequested,
                    target,
                    &json!({}),
                    now,
                )
                .await?;
            }
            Ok(account)
        };
        state.db.transaction(Circuit::Auth, "request_password_reset", work).await
    };
    let account = if let Ok(account) = stored().await {
        account
    } else {
        tokio::time::sleep(AGAIN).await;
        stored().await.map_err(|error| format!("{error:?}"))?
    };
    auditing::log_committed(state, &actor.trail);
    let Some(account) = account else {
        let account = (None, pseudonym(email));
        state.audit.count_refusal(
            actor,
            Action::PasswordResetRequested,
            "UNKNOWN_ACCOUNT",
            account,
            now,
        );
        return Ok(());
    };
    let place = state.public_url.as_deref().unwrap_or_default();
    let text = format!(
        "Hello {},\n\nsomebody, probably you, has asked for a new password for your account at MDL. To set one, send\n\n    \
         POST {place}/api/auth/password-reset/confirm\n    \
         {{\"token\": \"{token}\", \"new_password\": \"...\"}}\n\nwithin 30 minutes. It ends all your log-ins and revokes your \
         API keys. If it was not you, there is nothing to do.\n",
        account.username
    );
    state
        .mailer
        .send(&account.email, "A new password for MDL", text)
        .await
        .map_err(|unsent| unsent.0)
}

/// Set a new password with the token of the mail
///
/// Good for one use. Ends all log-ins and revokes all API keys.
#[utoipa::path(
    tag = "auth",
    operation_id = "confirm_password_reset",
    request_body = ResetConfirmation,
    responses((status = 200, body = Message), (status = 401, description = "The token is invalid, used or expired"))
)]
#[post("/api/auth/password-reset/confirm")]
async fn confirm(
    limiter: Limiter,
    origin: Origin,
    body: JsonBody<ResetConfirmation>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let work = async || set(&state, origin, body.value).await;
    limiter.guard(Policy::Auth, Against::Address, failed, work).await
}

async fn set(
    state: &AppState,
    origin: Origin,
    confirmation: ResetConfirmation,
) -> Result<HttpResponse, ApiError> {
    origin.attempts(Action::Unauthenticated, None);
    let ResetConfirmation { token, new_password } = confirmation;
    let (hash, now) = (fingerprint(token.expose_secret()), state.clock.now());
    let found = state
        .db
        .run(Circuit::Auth, "find_password_reset", async |conn| {
            password_resets::find(conn, &hash, now).await
        })
        .await?;
    let user = found.ok_or(ApiError::Authentication(BAD_TOKEN))?;
    check_password("new_password", &new_password, &user.username, &user.email)?;
    let new = state.hasher.hash(new_password).await?;
    let actor = origin.actor(&user).by(Channel::Mail);
    let change = password_changes::PasswordChange {
        user: Target { id: user.user_id, name: &user.username },
        authority: None,
        old_hash: None,
        new_hash: &new,
        spared: None,
        keeps_api_keys: false,
    };
    let done = state.db.transaction(Circuit::Auth, "confirm_password_reset", async |conn| {
        if users::lock(conn, user.user_id).await?.status != UserStatus::Active {
            return Err(StorageError::NotFound);
        }
        password_resets::take(conn, &hash, now).await?;
        password_changes::make(conn, &actor, change, now).await
    });
    let done = state.invalidation(Concern::User(user.user_id)).deliver_after(done);
    let revoked = done.await.map_err(|error| match error.into() {
        ApiError::NotFound(_) => ApiError::Authentication(BAD_TOKEN),
        error => error,
    })?;
    state.instruments.authentication.keys_revoked(revoked);
    answer::json(
        &mut HttpResponse::Ok(),
        &Message::of("Password set; all sessions are ended and all API keys revoked"),
    )
}
