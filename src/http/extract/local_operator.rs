//! The caller of routes that exist on the local socket only (`http::local_admin`).

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::{Ready, ready};

use crate::http::connections::local::LocalPeer;
use crate::http::error::ApiError;
use crate::http::request::caller::LoggedCaller;

/// The system user of this process, or root, who is connected over the local socket.
#[derive(Clone, Copy, Debug)]
pub struct LocalOperator;

impl FromRequest for LocalOperator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(peer) = request.conn_data::<LocalPeer>() else {
            return ready(Err(ApiError::NotFound("Route not found".into())));
        };
        request.extensions_mut().insert(LoggedCaller::Local(peer.to_string()));
        ready(Ok(Self))
    }
}
