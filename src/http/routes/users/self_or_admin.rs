//! The permission to read one user: the user itself, logged in, or an administrator.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::extract::path::UuidPath;
use crate::http::request::caller::{Caller, Credential};
use crate::model::scopes::Scope;

/// The `user_id` of the path, which the caller may read: its own with a session, another one as an
/// administrator.
pub(super) struct SelfOrAdmin {
    pub(super) user_id: Uuid,
}

impl FromRequest for SelfOrAdmin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let allowed = Caller::from_request(request, payload).into_inner().and_then(|caller| {
            let UuidPath(user_id) = UuidPath::from_request(request, payload).into_inner()?;
            let is_self = caller.user.user_id == user_id
                && matches!(caller.credential, Credential::Session(_));
            if !is_self {
                caller.require(&[Scope::Admin])?;
            }
            Ok(Self { user_id })
        });
        ready(allowed)
    }
}
