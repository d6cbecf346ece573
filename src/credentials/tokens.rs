//! Access and refresh tokens: JWTs (RFC 7519) signed with HS256. An access token identifies a user
//! and a session; a refresh token is exchanged for the next pair. All claims are checked here
//! (issuer, audience, type, times without leeway, RFC 8725); whether the session still exists is
//! checked in the database (`storage::sessions`).

pub mod browser;
mod signing_keys;
mod verified;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::signing_keys::InvalidToken;
use self::signing_keys::{AUDIENCE, ISSUER, MAX_TOKEN_BYTES, SigningKeys};
use self::verified::VerifiedTokens;

/// The claim `type` of the two kinds of tokens.
const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// Issues and verifies tokens.
pub struct Tokens {
    access: SigningKeys,
    refresh: SigningKeys,
    lifetimes: Lifetimes,
    verified: VerifiedTokens<AccessClaims>,
}

/// Lifetimes of tokens, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    pub access: i64,
    pub refresh: i64,
    /// Of a token family, however often its tokens are rotated.
    pub session: i64,
}

/// The claims of an access token. Name, e-mail address and role are for display; the database
/// decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub role: String,
    /// The session: the family of its refresh tokens.
    pub sid: Uuid,
    pub jti: Uuid,
    sub: Uuid,
    iss: String,
    aud: String,
    #[serde(rename = "type")]
    kind: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl AccessClaims {
    /// Returns the time of issue, in whole seconds.
    pub fn issued_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.iat, 0).unwrap_or_default()
    }
}

/// The claims of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// The id of its row in `sessions`.
    pub jti: Uuid,
    /// The token family. Missing in tokens of versions that did not put it into the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    sub: Uuid,
    iss: String,
    aud: String,
    #[serde(rename = "type")]
    kind: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl RefreshClaims {
    /// Returns the user that the token was issued for.
    pub fn user_id(&self) -> Uuid {
        self.sub
    }
}

/// The user and session that an access token is issued for.
#[derive(Clone, Copy, Debug)]
pub struct AccessSubject<'a> {
    pub user_id: Uuid,
    pub username: &'a str,
    pub email: &'a str,
    pub role: &'a str,
    pub family_id: Uuid,
}

/// The session that a refresh token is issued for.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSubject {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub family_id: Uuid,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Creates the keys from their secrets.
    pub fn new(access: &SecretString, refresh: &SecretString, lifetimes: Lifetimes) -> Self {
        let (access, refresh) = (SigningKeys::new(access), SigningKeys::new(refresh));
        Self { access, refresh, lifetimes, verified: VerifiedTokens::default() }
    }

    /// Accepts tokens of other secrets, too, but issues none with them: the secrets before or after
    /// the present ones, while they are replaced.
    #[must_use]
    pub fn also_accepting(
        mut self,
        access: Option<&SecretString>,
        refresh: Option<&SecretString>,
    ) -> Self {
        self.access = self.access.also_accepting(access);
        self.refresh = self.refresh.also_accepting(refresh);
        self
    }

    /// Returns the start time at or before which a token family has reached its maximum age.
    pub fn oldest_family_start(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::seconds(self.lifetimes.session)
    }

    /// Returns when a session of a family expires that is issued now.
    pub fn session_expires_at(
        &self,
        family_started_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let family_ends = family_started_at + TimeDelta::seconds(self.lifetimes.session);
        family_ends.min(now + TimeDelta::seconds(self.lifetimes.refresh))
    }

    /// Returns the lifetime in seconds of an access token that is issued now; it never outlives the
    /// session.
    pub fn access_lifetime(&self, session_expires_at: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
        self.lifetimes
            .access
            .min(session_expires_at.timestamp().saturating_sub(now.timestamp()))
            .max(0)
    }

    /// Issues an access token that is valid for `lifetime` seconds.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub fn issue_access(
        &self,
        subject: AccessSubject<'_>,
        jti: Uuid,
        now: DateTime<Utc>,
        lifetime: i64,
    ) -> Result<String, InvalidToken> {
        let claims = AccessClaims {
            user_id: subject.user_id,
            username: subject.username.to_owned(),
            email: subject.email.to_owned(),
            role: subject.role.to_owned(),
            sid: subject.family_id,
            jti,
            sub: subject.user_id,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            kind: ACCESS.to_owned(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: now.timestamp().saturating_add(lifetime),
        };
        self.access.sign(&claims)
    }

    /// Issues the refresh token of a session. It depends on its arguments only, so it can be issued
    /// again to a client that did not receive the response, although only its hash is stored.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub fn issue_refresh(&self, subject: RefreshSubject) -> Result<String, InvalidToken> {
        let RefreshSubject { user_id, session_id, family_id, issued_at, expires_at } = subject;
        self.refresh.sign(&RefreshClaims {
            jti: session_id,
            sid: Some(family_id),
            sub: user_id,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            kind: REFRESH.to_owned(),
            iat: issued_at.timestamp(),
            nbf: issued_at.timestamp(),
            exp: expires_at.timestamp(),
        })
    }

    /// Verifies an access token and returns its claims.
    ///
    /// # Errors
    /// [`InvalidToken`] for another signature, issuer, audience, type or time.
    pub fn verify_access(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<AccessClaims>, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let claims = self.verified.get_or_verify(token, || {
            let claims: AccessClaims = self.access.decode(token)?;
            let is_valid = claims.kind == ACCESS && claims.sub == claims.user_id;
            if is_valid { Ok(claims) } else { Err(InvalidToken) }
        })?;
        if is_in_time(claims.nbf, claims.exp, now) { Ok(claims) } else { Err(InvalidToken) }
    }

    /// Whether a refused token is an access token of this service that has expired, and is valid
    /// otherwise.
    pub fn is_expired_access(&self, token: &str, now: DateTime<Utc>) -> bool {
        let claims = self.access.decode::<AccessClaims>(token);
        claims.is_ok_and(|claims| claims.kind == ACCESS && claims.exp <= now.timestamp())
    }

    /// Verifies a refresh token and returns its claims.
    ///
    /// # Errors
    /// [`InvalidToken`] for another signature, issuer, audience, type or time.
    pub fn verify_refresh(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<RefreshClaims, InvalidToken> {
        let claims: RefreshClaims = self.refresh.decode(token)?;
        let is_valid = claims.kind == REFRESH && is_in_time(claims.nbf, claims.exp, now);
        if is_valid { Ok(claims) } else { Err(InvalidToken) }
    }
}

/// Whether a token is valid at an instant; without leeway (RFC 7519, sections 4.1.4 and 4.1.5).
fn is_in_time(nbf: i64, exp: i64, now: DateTime<Utc>) -> bool {
    nbf <= now.timestamp() && now.timestamp() < exp
}

#[cfg(test)]
mod tests;
