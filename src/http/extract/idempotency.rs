//! The `Idempotency-Key` of a change of one item, or of an import. A request with the same key is
//! the same request only if its method, path, precondition and body are the same, too.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use super::conditions::IdempotencyKey;
use crate::credentials::digest::fingerprint;
use crate::http::error::ApiError;
use crate::storage::idempotency_keys::IdempotentRequest;

/// The key of a change, if it has one, and what identifies the change beside its body.
#[derive(Debug)]
pub struct IdempotentChange {
    key: Option<String>,
    head: String,
}

impl IdempotentChange {
    /// Returns the request to be done once; `body` identifies its body, e.g. by its fingerprint.
    pub fn request(self, user_id: Uuid, body: &str) -> Option<IdempotentRequest> {
        let request_hash = fingerprint(&format!("{} {body}", self.head));
        self.key.map(|key| IdempotentRequest { user_id, key, request_hash })
    }
}

impl FromRequest for IdempotentChange {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = IdempotencyKey::from_request(request, payload).into_inner();
        let precondition = request.headers().get_all(IF_MATCH);
        let precondition: Vec<_> =
            precondition.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let (method, path) = (request.method(), request.path());
        let head = format!("{method} {path} {}", precondition.join(","));
        ready(key.map(|IdempotencyKey(key)| Self { key, head }))
    }
}
