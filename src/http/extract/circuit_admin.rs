//! The caller of the routes that show and control the circuits. An operator needs them most while
//! the database is unavailable, when the session of a token that was not used before cannot be
//! looked up. Only on these routes, the claims of such a token then count, if all of this holds:
//!
//! - the token is valid: signature, issuer, audience, type and times;
//! - nothing could be asked ([`DbError::Unavailable`]): neither one failed query nor overload is
//!   enough;
//! - the circuit `auth` is not closed (it is open, half-open or isolated), or the database was not
//!   reached since this process started;
//! - this process does not know that the session has ended, or may have since the token was issued
//!   (`cache::sessions`);
//! - the claims name an administrator.
//!
//! The risk: an administrator who was suspended or demoted elsewhere, unnoticed here, can see and
//! control circuits until the token expires (at most 15 minutes by default).
//!
//! A request over the local socket (`http::local_admin`) needs no credential: only the system user
//! of this process and root can connect to it.
//!
//! [`DbError::Unavailable`]: crate::actors::db_breaker::DbError::Unavailable

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::caller::allowed;
use super::origin::Origin;
use crate::actors::db_breaker::{Circuit, CircuitState, DbBreakerHandle};
use crate::http::app_data::AccountServices;
use crate::http::connections::local::LocalPeer;
use crate::http::error::ApiError;
use crate::http::middleware::authenticate::reauthenticate;
use crate::http::request::caller::{Caller, Credential, LoggedCaller, UnconfirmedToken};
use crate::http::request::context::RequestContext;
use crate::http::request::request_id::RequestIds;
use crate::model::audit::Channel;
use crate::model::scopes::Scope;
use crate::storage::audit_events::Actor;
use crate::storage::users::Account;

/// An administrator who may see and control the circuits.
#[derive(Clone, Copy, Debug)]
pub struct CircuitAdmin(Proven);

/// What the administrator was accepted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proven {
    Authenticated,
    ByClaims,
    /// The connection came over the local socket.
    Local(LocalPeer),
}

impl CircuitAdmin {
    /// Checks the caller again, after its body has arrived, and returns it as the actor of what
    /// follows.
    ///
    /// # Errors
    /// As for a new request.
    pub async fn confirm(self, request: &HttpRequest, origin: &Origin) -> Result<Actor, ApiError> {
        if let Proven::Local(peer) = self.0 {
            return Ok(Actor {
                username: Some(peer.to_string()),
                address: None,
                ..origin.anonymous_actor().with_channel(Channel::Command)
            });
        }
        request.extensions_mut().remove::<UnconfirmedToken>();
        let caller = match reauthenticate(request).await {
            Ok(caller) => caller.require(&[Scope::Admin]).map(|()| caller)?,
            Err(error) => {
                let caller = by_claims(request, error).await?;
                if self.0 == Proven::Authenticated {
                    log_acceptance(request, &caller);
                }
                caller
            }
        };
        Ok(origin.actor(&caller.user))
    }
}

impl FromRequest for CircuitAdmin {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some(peer) = request.conn_data::<LocalPeer>().copied() {
                let logged = LoggedCaller::Local(peer.to_string());
                request.extensions_mut().insert(logged);
                return Ok(Self(Proven::Local(peer)));
            }
            match allowed(&request, &[Scope::Admin]) {
                Ok(_) => Ok(Self(Proven::Authenticated)),
                Err(error) => {
                    let caller = by_claims(&request, error).await?;
                    log_acceptance(&request, &caller);
                    request.extensions_mut().insert(LoggedCaller::from(&caller));
                    Ok(Self(Proven::ByClaims))
                }
            }
        })
    }
}

/// Accepts the claims of the request's token, or returns the error of its authentication.
async fn by_claims(request: &HttpRequest, error: ApiError) -> Result<Caller, ApiError> {
    let claims = request.extensions().get::<UnconfirmedToken>().map(|token| token.0.clone());
    let accounts = request.app_data::<web::Data<AccountServices>>();
    let (ApiError::Unavailable { .. }, Some(claims), Some(accounts)) = (&error, claims, accounts)
    else {
        return Err(error);
    };
    let session = (claims.user_id, claims.sid);
    let is_interrupted = !accounts.readiness.is_prepared() || is_interrupted(&accounts.db).await;
    if !is_interrupted || accounts.sessions.may_have_ended(session, claims.issued_at()) {
        return Err(error);
    }
    let role = claims.role.parse().map_err(|_| ApiError::InvalidToken)?;
    let user =
        Account { user_id: claims.user_id, username: claims.username, email: claims.email, role };
    let caller = Caller { user: Arc::new(user), credential: Credential::Session(claims.sid) };
    caller.require(&[Scope::Admin]).map(|()| caller)
}

/// Whether the circuit of authentication refuses calls, or tests recovery.
async fn is_interrupted(db: &DbBreakerHandle) -> bool {
    let Ok((circuits, _)) = db.report().await else { return false };
    circuits
        .iter()
        .any(|report| report.circuit == Circuit::Auth && report.state != CircuitState::Closed)
}

fn log_acceptance(request: &HttpRequest, caller: &Caller) {
    let Some(accounts) = request.app_data::<web::Data<AccountServices>>() else { return };
    let ids = RequestContext::ids(request);
    let request_id = ids.as_ref().map(RequestIds::as_str);
    slog::info!(accounts.logger, "administrator accepted by token claims during outage";
        "user_id" => caller.user.user_id.to_string(), "request_id" => request_id);
}
