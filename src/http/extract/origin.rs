//! Where a request comes from, for the audit log.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::http::error::ApiError;
use crate::http::middleware::client::ClientAddress;
use crate::http::middleware::request_id::RequestId;
use crate::storage::audit_events::Actor;
use crate::storage::users::Account;

/// The client's address and the request's name.
#[derive(Clone, Debug)]
pub struct Origin {
    address: Option<String>,
    request_id: Option<String>,
}

impl Origin {
    /// A user who does something from here.
    pub fn actor(self, user: &Account) -> Actor {
        Actor {
            user_id: user.user_id,
            username: user.username.clone(),
            address: self.address,
            request_id: self.request_id,
        }
    }
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let address = request.extensions().get::<ClientAddress>().map(|address| address.0.to_string());
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        ready(Ok(Self { address, request_id }))
    }
}
