//! Who may come in: secrets, lifetimes, the first administrator.

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};

/// The shortest secret, in bytes: as long as the hash that it keys (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Who may come in.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// `JWT_SECRET`: signs access tokens.
    #[arg(skip)]
    pub jwt_secret: Option<SecretString>,
    /// `JWT_REFRESH_SECRET`: signs refresh tokens.
    #[arg(skip)]
    pub jwt_refresh_secret: Option<SecretString>,
    /// Lifetime of an access token, in seconds
    #[arg(long, env, global = true, default_value_t = 900, value_name = "JWT_ACCESS_TOKEN_EXPIRY",
          value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub jwt_access_token_expiry: i64,
    /// Lifetime of a refresh token, in seconds
    #[arg(long, env, global = true, default_value_t = 604_800, value_name = "JWT_REFRESH_TOKEN_EXPIRY",
          value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    pub jwt_refresh_token_expiry: i64,
    /// A log-in ends after so many days, however often its tokens are refreshed
    #[arg(long, env, global = true, default_value_t = 90, value_name = "SESSION_MAX_AGE_DAYS",
          value_parser = clap::value_parser!(i64).range(1..=3_650))]
    pub session_max_age_days: i64,
    /// Name of the administrator that is made on an empty database
    #[arg(long, env, global = true, default_value = "admin", value_name = "ADMIN_USERNAME")]
    pub admin_username: String,
    /// `ADMIN_PASSWORD`: its password.
    #[arg(skip)]
    pub admin_password: Option<SecretString>,
    /// Whether anyone may read the catalogue without a token
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set, value_name = "ANONYMOUS_READ")]
    pub anonymous_read: bool,
    /// Whether anyone may register, as a viewer; else the route does not exist
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set, value_name = "REGISTRATION_ENABLED")]
    pub registration_enabled: bool,
    /// Whether a change must name the version that it changes
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set, value_name = "REQUIRE_IF_MATCH")]
    pub require_if_match: bool,
}

impl AuthConfig {
    /// The two secrets, where both are given.
    pub fn secrets(&self) -> Option<(&SecretString, &SecretString)> {
        super::given(self.jwt_secret.as_ref()).zip(super::given(self.jwt_refresh_secret.as_ref()))
    }

    /// The first administrator's password, where one is given.
    pub fn password(&self) -> Option<&SecretString> {
        super::given(self.admin_password.as_ref())
    }

    /// Whether the service could run with these secrets.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn check(&self, required: bool) -> Result<(), String> {
        let long_enough = |secret: &SecretString| secret.expose_secret().len() >= MIN_SECRET_BYTES;
        for (name, secret) in
            [("JWT_SECRET", &self.jwt_secret), ("JWT_REFRESH_SECRET", &self.jwt_refresh_secret)]
        {
            match super::given(secret.as_ref()) {
                Some(secret) if !long_enough(secret) => {
                    return Err(format!(
                        "{name} must be at least {MIN_SECRET_BYTES} bytes long; try `openssl rand -base64 48`"
                    ));
                }
                None if required => {
                    return Err(format!(
                        "{name} is required with DATABASE_URL; try `openssl rand -base64 48`"
                    ));
                }
                _ => {}
            }
        }
        match self.secrets() {
            Some((access, refresh)) if access.expose_secret() == refresh.expose_secret() => {
                Err("JWT_REFRESH_SECRET must differ from JWT_SECRET".into())
            }
            _ => Ok(()),
        }
    }
}
