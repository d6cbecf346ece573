//! Tokens: JWTs (RFC 7519), HS256. An access token says who its bearer is; a refresh token is
//! exchanged for the next pair.
//!
//! What they say is checked completely (issuer, audience, type, times without leeway, RFC 8725);
//! whether the session they belong to still lives is the database's to say.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ISSUER: &str = "mdl-api";
const AUDIENCE: &str = "mdl-client";
/// Longer tokens are not even looked at.
const MAX_TOKEN_BYTES: usize = 4096;

/// Issues and checks tokens.
pub struct Tokens {
    access: Keys,
    refresh: Keys,
    lifetimes: Lifetimes,
}

/// How long tokens are valid, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access: i64,
    /// A refresh token.
    pub refresh: i64,
    /// All tokens of one log-in, however often they are rotated.
    pub session: i64,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub user_id: Uuid,
    /// For display; the database's word counts.
    pub username: String,
    /// For display; the database's word counts.
    pub email: String,
    /// For display; the database's word counts.
    pub role: String,
    /// The log-in it belongs to: the family of its refresh token.
    pub sid: Uuid,
    /// Its own identifier.
    pub jti: Uuid,
    #[serde(flatten)]
    registered: Registered,
}

/// What a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// The session row it stands for.
    pub jti: Uuid,
    /// The token family. Missing in tokens issued before families were named in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    #[serde(flatten)]
    registered: Registered,
}

impl RefreshClaims {
    /// Whose it is.
    pub fn user_id(&self) -> Uuid {
        self.registered.sub
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Registered {
    sub: Uuid,
    iss: String,
    aud: String,
    #[serde(rename = "type")]
    kind: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The bearer that an access token is made for.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
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
    /// The session row.
    pub session_id: Uuid,
    /// The token family.
    pub family_id: Uuid,
    /// Start of validity.
    pub issued_at: DateTime<Utc>,
    /// End of validity.
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not taken. There is nothing more to tell: neither to its bearer nor to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidToken;

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// From the two secrets and the lifetimes.
    pub fn new(access: &SecretString, refresh: &SecretString, lifetimes: Lifetimes) -> Self {
        Self { access: Keys::new(access), refresh: Keys::new(refresh), lifetimes }
    }

    /// Families that started then or earlier have reached their maximum age.
    pub fn oldest_family_start(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::seconds(self.lifetimes.session)
    }

    /// When a session ends that is issued now to a family that started then.
    pub fn session_expires_at(
        &self,
        family_started_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let family_ends = family_started_at + TimeDelta::seconds(self.lifetimes.session);
        family_ends.min(now + TimeDelta::seconds(self.lifetimes.refresh))
    }

    /// Lifetime in seconds of an access token that is issued now to a session: it never outlives
    /// the session.
    pub fn access_lifetime(&self, session_expires_at: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
        self.lifetimes
            .access
            .min(session_expires_at.timestamp().saturating_sub(now.timestamp()))
            .max(0)
    }

    /// An access token for `bearer`, valid for `lifetime` seconds.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub fn issue_access(
        &self,
        bearer: Bearer<'_>,
        jti: Uuid,
        now: DateTime<Utc>,
        lifetime: i64,
    ) -> Result<String, InvalidToken> {
        let claims = AccessClaims {
            user_id: bearer.user_id,
            username: bearer.username.to_owned(),
            email: bearer.email.to_owned(),
            role: bearer.role.to_owned(),
            sid: bearer.family_id,
            jti,
            registered: Registered::new(
                bearer.user_id,
                "access",
                now.timestamp(),
                now.timestamp().saturating_add(lifetime),
            ),
        };
        self.access.sign(&claims)
    }

    /// The refresh token of a session. It follows from its arguments alone, so that it can be
    /// issued again to a client whose answer was lost, though only its hash is stored.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub fn issue_refresh(&self, subject: RefreshSubject) -> Result<String, InvalidToken> {
        let RefreshSubject { user_id, session_id, family_id, issued_at, expires_at } = subject;
        let registered =
            Registered::new(user_id, "refresh", issued_at.timestamp(), expires_at.timestamp());
        self.refresh.sign(&RefreshClaims { jti: session_id, sid: Some(family_id), registered })
    }

    /// What an access token says.
    ///
    /// # Errors
    /// When it is not ours, not an access token, or not of this time.
    pub fn verify_access(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessClaims, InvalidToken> {
        let claims: AccessClaims = self.access.open(token)?;
        claims.registered.check("access", now)?;
        if claims.registered.sub == claims.user_id { Ok(claims) } else { Err(InvalidToken) }
    }

    /// Whether a token that is not accepted is an access token of ours which has expired, and
    /// nothing worse.
    pub fn is_expired_access(&self, token: &str, now: DateTime<Utc>) -> bool {
        let claims = self.access.open::<AccessClaims>(token);
        claims.is_ok_and(|claims| {
            claims.registered.kind == "access" && claims.registered.exp <= now.timestamp()
        })
    }

    /// What a refresh token says.
    ///
    /// # Errors
    /// When it is not ours, not a refresh token, or not of this time.
    pub fn verify_refresh(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<RefreshClaims, InvalidToken> {
        let claims: RefreshClaims = self.refresh.open(token)?;
        claims.registered.check("refresh", now)?;
        Ok(claims)
    }
}

impl Keys {
    fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
        }
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, InvalidToken> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|_| InvalidToken)
    }

    fn open<T: DeserializeOwned>(&self, token: &str) -> Result<T, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "sub", "iss", "aud"]);
        // The library asks the system's clock; `check` asks ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        jsonwebtoken::decode(token, &self.decoding, &validation)
            .map(|data| data.claims)
            .map_err(|_| InvalidToken)
    }
}

impl Registered {
    fn new(sub: Uuid, kind: &str, now: i64, exp: i64) -> Self {
        Self {
            sub,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            kind: kind.to_owned(),
            iat: now,
            nbf: now,
            exp,
        }
    }

    fn check(&self, kind: &str, now: DateTime<Utc>) -> Result<(), InvalidToken> {
        let in_time = self.nbf <= now.timestamp() && now.timestamp() < self.exp;
        if self.kind == kind && in_time { Ok(()) } else { Err(InvalidToken) }
    }
}

#[cfg(test)]
mod tests;
