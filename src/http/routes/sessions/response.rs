//! The response of registration and log-in.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::routes::token_pair::TokenPair;
use crate::http::routes::users::response::UserResponse;

/// A user and its tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub(super) struct LoggedInBody {
    pub(super) success: bool,
    pub(super) user: UserResponse,
    pub(super) tokens: TokenPair,
}
