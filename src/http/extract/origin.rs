//! Where a request comes from, for the audit log.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::http::auditing::Attempt;
use crate::http::error::ApiError;
use crate::http::request::caller::Identity;
use crate::http::request::client_ip::ClientAddress;
use crate::http::request::request_id::{RequestId, ServerRequestId};
use crate::model::audit::{Action, Channel};
use crate::storage::audit_events::{Actor, Trail};
use crate::storage::users::Account;

/// The client's address and the request's names.
#[derive(Clone, Debug)]
pub struct Origin(HttpRequest);

impl Origin {
    /// A user who does something from here.
    pub fn actor(&self, user: &Account) -> Actor {
        self.actor_named(user.user_id, &user.username)
    }

    /// The same, of any user: also one that is only now known.
    pub fn actor_named(&self, user_id: Uuid, username: &str) -> Actor {
        Actor { user_id: Some(user_id), username: Some(username.to_owned()), ..self.nobody() }
    }

    /// A caller that is not known.
    pub fn nobody(&self) -> Actor {
        let extensions = self.0.extensions();
        Actor {
            user_id: None,
            username: None,
            channel: Channel::Api,
            credential: extensions.get::<Identity>().and_then(Identity::credential),
            address: extensions.get::<ClientAddress>().map(|address| address.0.to_string()),
            request_id: extensions.get::<RequestId>().map(|id| id.0.clone()),
            server_request_id: extensions.get::<ServerRequestId>().map(|id| id.0),
            trail: extensions.get::<Trail>().cloned().unwrap_or_default(),
        }
    }

    /// Says what a refusal of this request will mean, and which account it is about: its id, if it
    /// is known, and its name, or, of one that is not known, the pseudonym. Never a name as it was
    /// typed: it may be a password.
    pub fn attempts(&self, action: Action, account: Option<(Option<Uuid>, String)>) {
        self.0.extensions_mut().insert(Attempt { action, account });
    }
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
