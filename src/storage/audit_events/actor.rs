//! The actor of an audit event: a user, a command, or the service itself.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::event::{NewEvent, Subject};
use super::trail::Trail;
use crate::model::audit::{Action, AuditOutcome, Changes, Channel, CredentialKind};
use crate::storage::StorageError;
use crate::storage::document::Document;

/// The caller of an action, and the request it came with.
#[derive(Clone, Debug)]
pub struct Actor {
    /// None for commands and unknown callers.
    pub user_id: Option<Uuid>,
    /// The user name, or the name of the command.
    pub username: Option<String>,
    pub channel: Channel,
    /// The kind of credential, and the session's family or the key's id.
    pub credential: Option<(CredentialKind, Uuid)>,
    /// The client IP.
    pub address: Option<String>,
    /// `X-Request-ID`, which a client may choose.
    pub request_id: Option<String>,
    /// The id that the server gave the request.
    pub server_request_id: Option<Uuid>,
    /// The trace of the request, if its client sent one.
    pub trace_id: Option<Uuid>,
    /// Collects the rows that are written for this actor, for the log.
    pub trail: Trail,
}

impl Actor {
    /// Creates the actor of a command that works on the database itself.
    pub fn command(name: &str) -> Self {
        Self::without_request(Channel::Command, name)
    }

    /// Creates the actor of work that the service does on its own.
    pub fn system() -> Self {
        Self::without_request(Channel::System, "mdl")
    }

    fn without_request(channel: Channel, name: &str) -> Self {
        Self {
            user_id: None,
            username: Some(name.to_owned()),
            channel,
            credential: None,
            address: None,
            request_id: None,
            server_request_id: None,
            trace_id: None,
            trail: Trail::default(),
        }
    }

    /// Returns the same actor with a trail of its own, for work that continues after the response.
    #[must_use]
    pub fn detached(self) -> Self {
        Self { trail: Trail::default(), ..self }
    }

    /// Returns the same actor on another channel.
    #[must_use]
    pub fn with_channel(self, channel: Channel) -> Self {
        Self { channel, ..self }
    }
}

impl NewEvent {
    /// Creates the row of an action that was done.
    ///
    /// # Errors
    /// Never in practice: details consist of texts and numbers.
    pub fn success<D: Serialize>(
        actor: &Actor,
        action: Action,
        target: Subject<'_>,
        (details, changes): (&D, &Changes),
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            occurred_at: now,
            action: action.into(),
            outcome: AuditOutcome::Success.into(),
            reason: None,
            occurrences: 1,
            actor_id: actor.user_id,
            actor: actor.username.clone(),
            target_id: target.id,
            target: target.name.map(str::to_owned),
            channel: actor.channel.into(),
            credential: actor.credential.map(|(kind, _)| kind.into()),
            credential_id: actor.credential.map(|(_, id)| id),
            address: actor.address.clone(),
            request_id: actor.request_id.clone(),
            server_request_id: actor.server_request_id,
            trace_id: actor.trace_id,
            details: Document::new(details)?,
            changes: Document::new(changes)?,
        })
    }
}
