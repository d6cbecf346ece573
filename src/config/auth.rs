//! Settings of authentication: token secrets and lifetimes, the first administrator, access policy.

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};

use crate::config::error::ConfigError;
use crate::config::non_empty::non_empty;

/// Least length of a token secret in bytes: that of the HMAC's hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Token secrets and lifetimes, the first administrator, access policy.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// Value of `JWT_SECRET`; signs access tokens.
    #[arg(skip)]
    pub jwt_secret: Option<SecretString>,
    /// Value of `JWT_REFRESH_SECRET`; signs refresh tokens.
    #[arg(skip)]
    pub jwt_refresh_secret: Option<SecretString>,
    /// Value of `JWT_SECRET_ALSO_ACCEPTED`; verifies access tokens while the secret is replaced.
    #[arg(skip)]
    pub jwt_secret_also_accepted: Option<SecretString>,
    /// Value of `JWT_REFRESH_SECRET_ALSO_ACCEPTED`; the same for refresh tokens.
    #[arg(skip)]
    pub jwt_refresh_secret_also_accepted: Option<SecretString>,
    /// Lifetime of an access token, in seconds
    #[arg(long, env, global = true, default_value_t = 900, value_name = "JWT_ACCESS_TOKEN_EXPIRY",
          value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub jwt_access_token_expiry: i64,
    /// Lifetime of a refresh token, in seconds
    #[arg(long, env, global = true, default_value_t = 604_800,
          value_name = "JWT_REFRESH_TOKEN_EXPIRY",
          value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    pub jwt_refresh_token_expiry: i64,
    /// Days after which a session ends, however often its tokens are refreshed
    #[arg(long, env, global = true, default_value_t = 90, value_name = "SESSION_MAX_AGE_DAYS",
          value_parser = clap::value_parser!(i64).range(1..=3_650))]
    pub session_max_age_days: i64,
    /// User name of the administrator created on a database without one
    #[arg(long, env, global = true, default_value = "admin", value_name = "ADMIN_USERNAME")]
    pub admin_username: String,
    /// Value of `ADMIN_PASSWORD`.
    #[arg(skip)]
    pub admin_password: Option<SecretString>,
    /// Allow reading the catalogue without a token
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set,
          value_name = "ANONYMOUS_READ")]
    pub anonymous_read: bool,
    /// Allow anyone to register as a viewer; otherwise the route answers 404
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set,
          value_name = "REGISTRATION_ENABLED")]
    pub registration_enabled: bool,
    /// Require If-Match on changes of metrics and domains
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set,
          value_name = "REQUIRE_IF_MATCH")]
    pub require_if_match: bool,
}

impl AuthConfig {
    /// Secrets of access and refresh tokens, if both are set.
    pub fn secrets(&self) -> Option<(&SecretString, &SecretString)> {
        non_empty(self.jwt_secret.as_ref()).zip(non_empty(self.jwt_refresh_secret.as_ref()))
    }

    /// Secrets whose access and refresh tokens are accepted beside those of [`Self::secrets`].
    pub fn also_accepted(&self) -> (Option<&SecretString>, Option<&SecretString>) {
        (
            non_empty(self.jwt_secret_also_accepted.as_ref()),
            non_empty(self.jwt_refresh_secret_also_accepted.as_ref()),
        )
    }

    /// Password of the first administrator, if it is set.
    pub fn password(&self) -> Option<&SecretString> {
        non_empty(self.admin_password.as_ref())
    }

    /// Checks the token secrets.
    ///
    /// # Errors
    /// When one is missing although `required`, or too short, or one of access tokens is one of
    /// refresh tokens, too.
    pub fn check(&self, required: bool) -> Result<(), ConfigError> {
        let long_enough = |secret: &SecretString| secret.expose_secret().len() >= MIN_SECRET_BYTES;
        let (other_access, other_refresh) = self.also_accepted();
        let secrets = [
            ("JWT_SECRET", &self.jwt_secret, required),
            ("JWT_REFRESH_SECRET", &self.jwt_refresh_secret, required),
            ("JWT_SECRET_ALSO_ACCEPTED", &self.jwt_secret_also_accepted, false),
            ("JWT_REFRESH_SECRET_ALSO_ACCEPTED", &self.jwt_refresh_secret_also_accepted, false),
        ];
        for (name, secret, required) in secrets {
            match non_empty(secret.as_ref()) {
                Some(secret) if !long_enough(secret) => {
                    return Err(ConfigError::new(
                        name,
                        format!(
                            "must be at least {MIN_SECRET_BYTES} bytes long; \
                             try `openssl rand -base64 48`"
                        ),
                    ));
                }
                None if required => {
                    return Err(ConfigError::new(
                        name,
                        "is required with DATABASE_URL; try `openssl rand -base64 48`",
                    ));
                }
                _ => {}
            }
        }
        let (access, refresh) = self.secrets().unzip();
        let same = |left: Option<&SecretString>, right: Option<&SecretString>| {
            let pair = left.zip(right);
            pair.is_some_and(|(left, right)| left.expose_secret() == right.expose_secret())
        };
        if same(access, refresh) {
            return Err(ConfigError::new("JWT_REFRESH_SECRET", "must differ from JWT_SECRET"));
        }
        if [access, other_access].iter().any(|access| same(*access, other_refresh))
            || same(other_access, refresh)
        {
            return Err(ConfigError::new(
                "JWT_REFRESH_SECRET_ALSO_ACCEPTED",
                "no secret may be one of access and of refresh tokens",
            ));
        }
        Ok(())
    }
}
