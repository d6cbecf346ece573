//! Authentication from the caches alone, for reads that need nothing else.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::ServiceRequest;

use crate::actors::api_key_cache::KnownKey;
use crate::cache::sessions::SessionLookup;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::request::caller::{Caller, Credential, VerifiedToken};
use crate::http::request::context::RequestContext;
use crate::http::request::credential::{PresentedCredential, credential};
use crate::telemetry::instruments::authentication::AuthMethod;
use crate::telemetry::instruments::operations::CacheOutcome;

/// The caller of a request, as the caches know it.
#[derive(Debug)]
pub enum CachedIdentity {
    /// The request has no credential.
    Anonymous,
    /// A key, and the client that uses it.
    Key(Caller, Arc<KnownKey>, Option<IpAddr>),
    Session(Caller),
}

impl CachedIdentity {
    /// Finds the caller of a request. None if its credential is not accepted, or only after a
    /// lookup. Counts nothing; [`Self::record`] does.
    pub fn find(request: &ServiceRequest, state: &AppState) -> Option<Self> {
        let (now, instant) = (state.clock.now(), Instant::now());
        match credential(request.headers()).ok()? {
            None => Some(Self::Anonymous),
            // Of pages only, which are not answered from the cache.
            Some(PresentedCredential::Cookie(_)) => None,
            Some(PresentedCredential::ApiKey(key)) => {
                let hash = ApiKey::parse(&key).ok()?.hash();
                let key = state.accounts.keys.fresh(&hash, now, instant)?;
                let client = RequestContext::client(request).map(|client| client.0);
                Some(Self::Key(Caller::with_key(&key.authority), key, client))
            }
            Some(PresentedCredential::Token(token)) => {
                let tokens = &state.accounts.tokens;
                let claims = VerifiedToken::of(request, tokens, token.token(), now)?;
                let session = (claims.user_id, claims.sid);
                match state.accounts.sessions.get(session, instant) {
                    SessionLookup::Fresh(live) if live.expires_at > now => {
                        let credential = Credential::Session(claims.sid);
                        Some(Self::Session(Caller { user: live.user, credential }))
                    }
                    _ => None,
                }
            }
        }
    }

    /// Returns the caller; none for a request without a credential.
    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Anonymous => None,
            Self::Key(caller, ..) | Self::Session(caller) => Some(caller),
        }
    }

    /// Counts the authentication, and records the use of a key.
    pub fn record(&self, state: &AppState) {
        let instruments = &state.instruments.authentication;
        match self {
            Self::Anonymous => {}
            Self::Key(_, key, client) => {
                state.accounts.keys.record_hit(key, *client, state.clock.now());
                instruments.count_attempt(AuthMethod::ApiKey, true);
            }
            Self::Session(_) => {
                instruments.count_session_lookup(CacheOutcome::Hit);
                instruments.count_attempt(AuthMethod::Jwt, true);
            }
        }
    }
}
