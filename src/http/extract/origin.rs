//! The actor of a request for the audit log: the caller, its address and the ids of the request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::http::auditing;
use crate::http::error::ApiError;
use crate::http::request::attempted_action::AttemptedAction;
use crate::http::request::caller::Identity;
use crate::http::request::context::RequestContext;
use crate::http::request::trace_id::TraceId;
use crate::model::audit::{Action, Channel};
use crate::storage::audit_events::Actor;
use crate::storage::users::Account;

/// Makes actors of audit events from a request.
#[derive(Clone, Debug)]
pub struct Origin(HttpRequest);

impl Origin {
    /// Makes the actor of a user.
    pub fn actor(&self, user: &Account) -> Actor {
        self.actor_named(user.user_id, &user.username)
    }

    /// Makes the actor of a user who was not authenticated before the handler, e.g. at log-in.
    pub fn actor_named(&self, user_id: Uuid, username: &str) -> Actor {
        Actor {
            user_id: Some(user_id),
            username: Some(username.to_owned()),
            ..self.anonymous_actor()
        }
    }

    /// Makes the actor of an unknown caller.
    pub fn anonymous_actor(&self) -> Actor {
        let trail = auditing::trail(&self.0);
        let extensions = self.0.extensions();
        let context = extensions.get::<RequestContext>();
        Actor {
            user_id: None,
            username: None,
            channel: Channel::Api,
            credential: extensions.get::<Identity>().and_then(Identity::credential),
            address: context.map(|context| context.client.0.to_string()),
            request_id: context.map(|context| context.ids.as_str().to_owned()),
            server_request_id: context.map(|context| context.ids.server),
            trace_id: context.and_then(|context| context.ids.trace).map(TraceId::as_uuid),
            trail,
        }
    }

    /// Sets the action that a refusal of this request is recorded as, and the account that was
    /// tried: its id and user name if it exists, else a pseudonym. A name as it was typed must not
    /// be recorded: it may be a password.
    pub fn set_attempted_action(&self, action: Action, account: Option<(Option<Uuid>, String)>) {
        self.0.extensions_mut().insert(AttemptedAction { action, account });
    }
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
