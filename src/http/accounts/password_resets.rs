//! Password resets: the token that is sent by mail, and the new password that is set with it.

use std::time::Duration;

use actix_web::web;
use garde::Validate;
use rand::Rng;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::reset_mail::{self, SUBJECT};
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::{AccountServices, MailServices};
use crate::http::auditing;
use crate::http::auditing::queue::AuditQueue;
use crate::http::error::ApiError;
use crate::http::extract::origin::Origin;
use crate::http::mail_failures::ResetMailError;
use crate::http::rate_limit::{Against, RequestLimiter, is_failed_attempt, pseudonym};
use crate::http::routes::key_events::{KeyEventLog, RevocationCause};
use crate::http::routes::password_rules::check_password;
use crate::mail::MailError;
use crate::model::audit::{Action, Channel};
use crate::model::authority::InvalidationScope;
use crate::model::text::Email;
use crate::model::users::UserStatus;
use crate::rate_limit::policy::Policy;
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::password_changes::PasswordUpdate;
use crate::storage::{StorageError, Transaction, password_changes, password_resets, users};
use crate::telemetry::instruments::operations::MailOutcome;

const BAD_TOKEN: &str = "The token is invalid, used or expired";
/// Delay before the one retry of storing a token.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// Length of a token, in alphanumeric characters.
const TOKEN_LENGTH: usize = 48;

/// The account whose password is to be reset.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResetRequest)]
pub struct ResetRequestBody {
    #[garde(dive)]
    email: Email,
}

/// The token of the mail and a new password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResetConfirmation)]
pub struct ResetConfirmationBody {
    /// From the mail.
    #[garde(skip)]
    #[schema(value_type = String)]
    token: SecretString,
    /// 12 to 128 characters, not a common password.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
}

/// Accepts a request for a mail with a token. The work is done afterwards, so that neither result
/// nor time says whether an account has this address.
///
/// # Errors
/// [`ApiError::RateLimited`] after too many requests.
pub async fn request_reset(
    (services, mail): (web::Data<AccountServices>, web::Data<MailServices>),
    audit: web::Data<AuditQueue>,
    (limiter, origin): (&RequestLimiter, &Origin),
    request: ResetRequestBody,
) -> Result<(), ApiError> {
    let email = request.email;
    let account = email.as_str().to_owned();
    let accept = async || {
        let actor = origin.anonymous_actor().detached();
        mail.background.clone().spawn(move || async move {
            if let Err(error) = send_token(&services, &mail, &audit, email.as_str(), &actor).await {
                let request_id = actor.request_id.as_deref();
                mail.failures.record(&services.logger, &error, request_id);
            }
        });
        Ok(())
    };
    let against = Against::AddressAndAccount(&account);
    limiter.guard(Policy::PasswordReset, against, Result::is_ok, accept).await
}

/// Stores a token and sends it, if an active account has this address.
async fn send_token(
    services: &AccountServices,
    mail: &MailServices,
    audit: &AuditQueue,
    email: &str,
    actor: &Actor,
) -> Result<(), ResetMailError> {
    let token: String =
        rand::rng().sample_iter(Alphanumeric).take(TOKEN_LENGTH).map(char::from).collect();
    let (hash, now) = (fingerprint(&token), services.clock.now());
    let action = Action::PasswordResetRequested;
    let store = async || {
        let work = async |conn: &mut Transaction<'_>| {
            let account = password_resets::create(conn, email, &hash, now).await?;
            if let Some(user) = &account {
                let target = Target { id: user.user_id, name: &user.username };
                audit_events::record(conn, actor, action, target, &json!({}), now).await?;
            }
            Ok(account)
        };
        services.db.transaction(Circuit::Auth, "password_resets.request", work).await
    };
    let account = if let Ok(account) = store().await {
        account
    } else {
        tokio::time::sleep(RETRY_DELAY).await;
        store().await?
    };
    auditing::log_committed(&services.db, &services.logger, &actor.trail);
    let Some(account) = account else {
        audit.count_refusal(actor, action, "UNKNOWN_ACCOUNT", (None, pseudonym(email)), now);
        return Ok(());
    };
    let text = reset_mail::text(&account.username, mail.public_url.as_deref(), &token);
    let sent = mail.mailer.send(&account.email, SUBJECT, text).await;
    services.instruments.operations.count_mail(match &sent {
        Ok(()) => MailOutcome::Sent,
        Err(MailError::Disabled) => MailOutcome::Disabled,
        Err(_) => MailOutcome::Failed,
    });
    Ok(sent?)
}

/// Sets a new password with the token of a mail. Ends all sessions and revokes all API keys.
///
/// # Errors
/// [`ApiError::Authentication`] for a token that is invalid, used or expired,
/// [`ApiError::Validation`] for a bad password, [`ApiError::RateLimited`] after too many attempts.
pub async fn confirm_reset(
    services: &AccountServices,
    limiter: &RequestLimiter,
    origin: &Origin,
    confirmation: ResetConfirmationBody,
) -> Result<(), ApiError> {
    let work = async || set_password(services, origin, confirmation).await;
    limiter.guard(Policy::Auth, Against::Address, is_failed_attempt, work).await
}

async fn set_password(
    services: &AccountServices,
    origin: &Origin,
    confirmation: ResetConfirmationBody,
) -> Result<(), ApiError> {
    origin.set_attempted_action(Action::Unauthenticated, None);
    let ResetConfirmationBody { token, new_password } = confirmation;
    let (hash, now) = (fingerprint(token.expose_secret()), services.clock.now());
    let found = services
        .db
        .run(Circuit::Auth, "password_resets.find", async |conn| {
            password_resets::find(conn, &hash, now).await
        })
        .await?;
    let user = found.ok_or(ApiError::Authentication(BAD_TOKEN))?;
    check_password("new_password", &new_password, &user.username, &user.email)?;
    let new = services.hasher.hash(new_password).await?;
    let actor = origin.actor(&user).with_channel(Channel::Mail);
    let update = PasswordUpdate {
        user: Target { id: user.user_id, name: &user.username },
        authority: None,
        old_hash: None,
        new_hash: &new,
        kept_session: None,
        keep_api_keys: false,
    };
    let changed = services.db.transaction(Circuit::Auth, "password_resets.confirm", async |conn| {
        if users::lock(conn, user.user_id).await?.status != UserStatus::Active {
            return Err(StorageError::NotFound);
        }
        password_resets::consume(conn, &hash, now).await?;
        password_changes::apply(conn, &actor, update, now).await
    });
    let invalidation = services.invalidation(InvalidationScope::User(user.user_id));
    let changed = invalidation.apply_after(changed).await;
    let revoked = changed.map_err(|error| match error.into() {
        ApiError::NotFound(_) => ApiError::Authentication(BAD_TOKEN),
        error => error,
    })?;
    services.instruments.authentication.count_revoked_keys(revoked.len());
    let events = KeyEventLog::new(&services.logger, &user, &actor);
    events.revoked_with(RevocationCause::PasswordReset, user.user_id, &revoked);
    Ok(())
}
