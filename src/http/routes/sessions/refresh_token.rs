//! The refresh token that a client sends to get new tokens or to log out.

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::credentials::digest::fingerprint;
use crate::credentials::tokens::RefreshClaims;
use crate::storage::sessions::rotation::PresentedToken;

/// Client message for every refresh token that is refused.
pub(super) const BAD_REFRESH: &str = "The refresh token is invalid, used or expired";

/// A refresh token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshToken)]
pub(super) struct RefreshBody {
    #[garde(skip)]
    #[schema(value_type = String)]
    pub(super) refresh_token: SecretString,
}

/// Builds the search key of a verified refresh token.
pub(super) fn presented(claims: &RefreshClaims, token: &str) -> PresentedToken {
    PresentedToken {
        user_id: claims.user_id(),
        family_id: claims.sid,
        token_hash: fingerprint(token),
    }
}
