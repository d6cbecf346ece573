//! Which refused requests the audit log has, which of them are counted together, and the event that
//! a count becomes.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage, HttpRequest, ResponseError};
use serde_json::json;
use uuid::Uuid;

use crate::cache::audit_refusals::{RefusalCount, RefusalKey, RefusedRequest};
use crate::http::error::ApiError;
use crate::http::request::attempted_action::AttemptedAction;
use crate::http::request::caller::Identity;
use crate::http::request::context::RequestContext;
use crate::http::request::credential::{API_KEY, PresentedCredential, presented};
use crate::http::request::trace_id::TraceId;
use crate::model::audit::{Action, AuditOutcome, Changes, Channel};
use crate::rate_limit::client_ip::ClientPrefix;
use crate::storage::StorageError;
use crate::storage::audit_events::{Actor, NewEvent};
use crate::storage::document::Document;

/// Returns the key that a refused request is counted by. None if its error is no refusal, and if it
/// has no credentials: such a request is not an attempt.
pub(super) fn from_request(
    request: &HttpRequest,
    error: &ApiError,
) -> Option<(RefusalKey, RefusedRequest)> {
    let extensions = request.extensions();
    let context = extensions.get::<RequestContext>()?;
    let attempt = extensions.get::<AttemptedAction>();
    if matches!(error, ApiError::ExpiredToken) {
        // Every client gets it every few minutes, and refreshes its token.
        return None;
    }
    let action = match error.status_code() {
        StatusCode::TOO_MANY_REQUESTS => Action::RateLimited,
        StatusCode::FORBIDDEN if error.code() == "WRONG_PASSWORD" => Action::PasswordRejected,
        StatusCode::FORBIDDEN => Action::Forbidden,
        StatusCode::UNAUTHORIZED => match attempt {
            // Recorded already, with the end of the session.
            Some(AttemptedAction { action: Action::SessionReuseDetected, .. }) => return None,
            Some(attempt) => attempt.action,
            None if has_credentials(request) => Action::Unauthenticated,
            None => return None,
        },
        // The one conflict that is answered without credentials.
        StatusCode::CONFLICT => match attempt {
            Some(AttemptedAction { action: Action::UserRegistered, .. }) => Action::UserRegistered,
            _ => return None,
        },
        _ => return None,
    };
    let reason = match error {
        ApiError::RateLimited { policy, .. } => policy.into(),
        other => other.code(),
    };
    let identity = extensions.get::<Identity>();
    let actor = identity.and_then(|identity| identity.0.as_ref().ok()).and_then(Option::as_ref);
    let key = RefusalKey {
        action,
        reason,
        address: Some(ClientPrefix::from(context.client.0).to_string()),
        actor: actor.map(|caller| (caller.user.user_id, caller.user.username.clone())),
        credential: identity.and_then(Identity::credential),
        target: attempt.and_then(|attempt| attempt.account.clone()),
    };
    let sample = RefusedRequest {
        request_id: context.ids.as_str().to_owned(),
        server_request_id: context.ids.server,
        trace_id: context.ids.trace.map(TraceId::as_uuid),
        route: Some(format!("{} {}", request.method(), context.route)),
    };
    Some((key, sample))
}

/// Returns the key of a refusal in work that went on after its request.
pub(super) fn from_actor(
    actor: &Actor,
    action: Action,
    reason: &'static str,
    account: (Option<Uuid>, String),
) -> Option<(RefusalKey, RefusedRequest)> {
    let address = actor.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    let key = RefusalKey {
        action,
        reason,
        address: address.map(|address| ClientPrefix::from(address).to_string()),
        actor: actor.user_id.zip(actor.username.clone()),
        credential: actor.credential,
        target: Some(account),
    };
    let sample = RefusedRequest {
        request_id: actor.request_id.clone()?,
        server_request_id: actor.server_request_id?,
        trace_id: actor.trace_id,
        route: None,
    };
    Some((key, sample))
}

fn has_credentials(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(API_KEY)
        || matches!(presented(request), Ok(Some(PresentedCredential::Cookie(_))))
}

/// Makes the event of a count.
///
/// # Errors
/// [`StorageError::Corrupt`] if its details cannot be serialised; they are texts, which always can.
pub(super) fn to_event(refused: &RefusalCount) -> Result<NewEvent, StorageError> {
    let RefusalCount { key, count, first, last, sample } = refused;
    let details = json!({ "route": sample.route, "last_at": crate::clock::rfc3339(*last) });
    Ok(NewEvent {
        occurred_at: *first,
        action: key.action.into(),
        outcome: AuditOutcome::Refused.into(),
        reason: Some(key.reason),
        occurrences: i64::try_from(*count).unwrap_or(i64::MAX),
        actor_id: key.actor.as_ref().map(|(id, _)| *id),
        actor: key.actor.as_ref().map(|(_, name)| name.clone()),
        target_id: key.target.as_ref().and_then(|(id, _)| *id),
        target: key.target.as_ref().map(|(_, name)| name.clone()),
        channel: Channel::Api.into(),
        credential: key.credential.map(|(kind, _)| kind.into()),
        credential_id: key.credential.map(|(_, id)| id),
        address: key.address.clone(),
        request_id: Some(sample.request_id.clone()),
        server_request_id: Some(sample.server_request_id),
        trace_id: sample.trace_id,
        details: Document::new(&details)?,
        changes: Document::new(&Changes::default())?,
    })
}
