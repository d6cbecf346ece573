//! Who is calling. Asked before a handler's other parameters are read, so that a stranger hears 401 whatever it sends;
//! whether anyone must be known is the handler's to say (`http::extract::caller`).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use super::frame::SeenUser;
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Caller, Identity};
use crate::storage::sessions;

const API_KEY: &str = "x-api-key";
const BAD_TOKEN: &str = "The access token is missing, invalid or expired";

/// Puts the caller's [`Identity`] into the request.
pub async fn authenticate<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let identity = identify(&request).await;
    if let Ok(Some(caller)) = &identity {
        request.extensions_mut().insert(SeenUser(caller.user.username.clone()));
    }
    request.extensions_mut().insert(Identity(identity));
    next.call(request).await
}

async fn identify(request: &ServiceRequest) -> Result<Option<Caller>, ApiError> {
    let Some(token) = bearer(request.headers())? else { return Ok(None) };
    let Some(state) = request.app_data::<web::Data<AppState>>() else { return Ok(None) };
    let now = state.clock.now();
    let claims = state.tokens.verify_access(token, now).map_err(|_| ApiError::Authentication(BAD_TOKEN))?;
    // The token says who; the database says whether that still holds, and what it may do now. While it is away, what it
    // said last counts, for a while.
    let log_in = (claims.user_id, claims.sid);
    let asked = state.db.run(Circuit::Auth, "authenticate", async |conn| {
        sessions::authenticate(conn, claims.user_id, claims.sid, now).await
    });
    let user = match asked.await.map_err(ApiError::from) {
        Ok(Some(user)) => {
            state.callers.remember(log_in, user.clone());
            Some(user)
        }
        Ok(None) => {
            state.callers.forget(log_in);
            None
        }
        Err(away @ ApiError::Unavailable { .. }) => Some(state.callers.recall(log_in).ok_or(away)?),
        Err(error) => return Err(error),
    };
    match user {
        Some(user) => Ok(Some(Caller { user, family_id: claims.sid })),
        None => Err(ApiError::Authentication(BAD_TOKEN)),
    }
}

/// The bearer token (RFC 6750, 2.1), if there is one and nothing else.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let twice = || ApiError::invalid("", "must carry one credential, once");
    let (tokens, keys) = (headers.get_all(AUTHORIZATION).count(), headers.get_all(API_KEY).count());
    match (tokens, keys) {
        (0, 0) => Ok(None),
        (0, 1) => Err(ApiError::InvalidApiKey),
        (1, 0) => {
            let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
            match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
                _ => Err(ApiError::Authentication(BAD_TOKEN)),
            }
        }
        _ => Err(twice()),
    }
}
