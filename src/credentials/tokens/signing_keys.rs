//! The secret that signs one kind of tokens, and what is checked of each token that is presented.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The claims `iss` and `aud` of all tokens.
pub(super) const ISSUER: &str = "mdl-api";
pub(super) const AUDIENCE: &str = "mdl-client";
/// Maximum length of a token; longer ones are refused without being parsed.
pub(super) const MAX_TOKEN_BYTES: usize = 4096;

/// A token is not valid. The reason is not given, neither to the client nor to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("invalid token")]
pub struct InvalidToken;

/// The keys of one kind of tokens.
pub(super) struct SigningKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Verifies tokens that another secret has signed, while the secret is replaced.
    also_accepted: Option<DecodingKey>,
    /// What the library checks of each token; made once.
    validation: Validation,
}

impl SigningKeys {
    /// Creates the keys from their secret.
    pub(super) fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "sub", "iss", "aud"]);
        // The library reads the system's clock; `is_in_time` takes the instant as a parameter.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            validation,
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            also_accepted: None,
        }
    }

    /// Accepts tokens of this secret, too.
    pub(super) fn also_accepting(self, secret: Option<&SecretString>) -> Self {
        let key =
            |secret: &SecretString| DecodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { also_accepted: secret.map(key), ..self }
    }

    /// Signs claims.
    ///
    /// # Errors
    /// Never in practice: claims are always JSON.
    pub(super) fn sign<T: Serialize>(&self, claims: &T) -> Result<String, InvalidToken> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|_| InvalidToken)
    }

    /// Verifies signature, issuer and audience of a token, but no times. Returns its claims.
    ///
    /// # Errors
    /// [`InvalidToken`] for another secret, issuer or audience.
    pub(super) fn decode<T: DeserializeOwned>(&self, token: &str) -> Result<T, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let decode = |key| jsonwebtoken::decode(token, key, &self.validation);
        let decoded = decode(&self.decoding);
        let decoded = match &self.also_accepted {
            Some(other) => decoded.or_else(|_| decode(other)),
            None => decoded,
        };
        decoded.map(|data| data.claims).map_err(|_| InvalidToken)
    }
}
