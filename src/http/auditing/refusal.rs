//! Which refusals the audit log has, and how they are counted together.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage, HttpRequest, ResponseError};
use serde_json::json;
use uuid::Uuid;

use crate::cache::audit_refusals::{Kind, Refused, Sample};
use crate::http::error::ApiError;
use crate::http::request::caller::Identity;
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::{RequestId, ServerRequestId};
use crate::model::audit::{Action, Changes, Channel, Outcome};
use crate::rate_limit::client_ip::Client;
use crate::storage::StorageError;
use crate::storage::audit_events::{Actor, NewEvent};
use crate::storage::document::Document;

/// What a refusal of a request means, where its status does not say: put into the request by its
/// handler.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The action of the refusal.
    pub action: Action,
    /// The account that it is about: id, if it is known, and name or pseudonym.
    pub account: Option<(Option<Uuid>, String)>,
}

/// How a refused request is counted; none if its error is no refusal: a request without any
/// credentials was only too early.
pub(super) fn kind(request: &HttpRequest, error: &ApiError) -> Option<(Kind, Sample)> {
    let extensions = request.extensions();
    let attempt = extensions.get::<Attempt>();
    if matches!(error, ApiError::ExpiredToken) {
        // What every client meets every few minutes, and refreshes.
        return None;
    }
    let action = match error.status_code() {
        StatusCode::TOO_MANY_REQUESTS => Action::RateLimited,
        StatusCode::FORBIDDEN if error.code() == "WRONG_PASSWORD" => Action::PasswordRejected,
        StatusCode::FORBIDDEN => Action::Forbidden,
        StatusCode::UNAUTHORIZED => match attempt {
            // Recorded already, with the end of the session.
            Some(Attempt { action: Action::SessionReuseDetected, .. }) => return None,
            Some(attempt) => attempt.action,
            None if has_credentials(request) => Action::Unauthenticated,
            None => return None,
        },
        _ => return None,
    };
    let reason = match error {
        ApiError::RateLimited { policy, .. } => policy.into(),
        other => other.code(),
    };
    let identity = extensions.get::<Identity>();
    let actor = identity.and_then(|identity| identity.0.as_ref().ok()).and_then(Option::as_ref);
    let kind = Kind {
        action,
        reason,
        address: extensions
            .get::<ClientAddress>()
            .map(|address| Client::from(address.0).to_string()),
        actor: actor.map(|caller| (caller.user.user_id, caller.user.username.clone())),
        credential: identity.and_then(Identity::credential),
        target: attempt.and_then(|attempt| attempt.account.clone()),
    };
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".into());
    let sample = Sample {
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone())?,
        server_request_id: extensions.get::<ServerRequestId>()?.0,
        route: Some(format!("{} {route}", request.method())),
    };
    Some((kind, sample))
}

/// The same, of something that went on after its request.
pub(super) fn of_actor(
    actor: &Actor,
    action: Action,
    reason: &'static str,
    account: (Option<Uuid>, String),
) -> Option<(Kind, Sample)> {
    let address = actor.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    let kind = Kind {
        action,
        reason,
        address: address.map(|address| Client::from(address).to_string()),
        actor: actor.user_id.zip(actor.username.clone()),
        credential: actor.credential,
        target: Some(account),
    };
    let sample = Sample {
        request_id: actor.request_id.clone()?,
        server_request_id: actor.server_request_id?,
        route: None,
    };
    Some((kind, sample))
}

fn has_credentials(request: &HttpRequest) -> bool {
    request.headers().contains_key(AUTHORIZATION) || request.headers().contains_key("x-api-key")
}

/// The row of refusals.
///
/// # Errors
/// Never in practice: its details are texts.
pub(super) fn row(refused: &Refused) -> Result<NewEvent, StorageError> {
    let Refused { kind, count, first, last, sample } = refused;
    let details = json!({ "route": sample.route, "last_at": crate::clock::rfc3339(*last) });
    Ok(NewEvent {
        occurred_at: *first,
        action: kind.action.into(),
        outcome: Outcome::Refused.into(),
        reason: Some(kind.reason),
        occurrences: i64::try_from(*count).unwrap_or(i64::MAX),
        actor_id: kind.actor.as_ref().map(|(id, _)| *id),
        actor: kind.actor.as_ref().map(|(_, name)| name.clone()),
        target_id: kind.target.as_ref().and_then(|(id, _)| *id),
        target: kind.target.as_ref().map(|(_, name)| name.clone()),
        channel: Channel::Api.into(),
        credential: kind.credential.map(|(kind, _)| kind.into()),
        credential_id: kind.credential.map(|(_, id)| id),
        address: kind.address.clone(),
        request_id: Some(sample.request_id.clone()),
        server_request_id: Some(sample.server_request_id),
        details: Document::of(&details)?,
        changes: Document::of(&Changes::default())?,
    })
}
