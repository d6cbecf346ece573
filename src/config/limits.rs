//! Settings of the rate limits.

use clap::{ArgAction, Args};

/// Quotas and windows of the rate limits.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct RateLimitConfig {
    /// Enable rate limits
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "RATE_LIMIT_ENABLED")]
    pub rate_limit_enabled: bool,
    /// Maximum requests from one client IP; health checks and pages are not counted
    #[arg(long, env, global = true, default_value_t = 100, value_name = "RATE_LIMIT_GENERAL_MAX",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_general_max: u32,
    /// Window of `RATE_LIMIT_GENERAL_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000,
          value_name = "RATE_LIMIT_GENERAL_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_general_window: u32,
    /// Maximum failed log-ins, password changes, registrations and refreshes from one client IP; an
    /// account accepts 50 times as many from all unknown addresses
    #[arg(long, env, global = true, default_value_t = 5, value_name = "RATE_LIMIT_AUTH_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_auth_max: u32,
    /// Window of `RATE_LIMIT_AUTH_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000,
          value_name = "RATE_LIMIT_AUTH_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_auth_window: u32,
    /// Maximum new API keys of one user
    #[arg(long, env, global = true, default_value_t = 10, value_name = "RATE_LIMIT_API_KEY_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_api_key_max: u32,
    /// Window of `RATE_LIMIT_API_KEY_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 3_600_000,
          value_name = "RATE_LIMIT_API_KEY_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_api_key_window: u32,
    /// Maximum requests for a password reset, from one client IP and for one account
    #[arg(long, env, global = true, default_value_t = 3,
          value_name = "RATE_LIMIT_PASSWORD_RESET_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_password_reset_max: u32,
    /// Window of `RATE_LIMIT_PASSWORD_RESET_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 3_600_000,
          value_name = "RATE_LIMIT_PASSWORD_RESET_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_password_reset_window: u32,
    /// Burst limit: requests from one client IP in a second
    #[arg(long, env, global = true, default_value_t = 50,
          value_name = "RATE_LIMIT_BURST_PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_burst_per_second: u32,
    /// Maximum lookups of unknown API keys from one client IP
    #[arg(long, env, global = true, default_value_t = 10, value_name = "RATE_LIMIT_UNKNOWN_KEY_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_unknown_key_max: u32,
    /// Window of `RATE_LIMIT_UNKNOWN_KEY_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 60_000,
          value_name = "RATE_LIMIT_UNKNOWN_KEY_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_unknown_key_window: u32,
    /// Maximum requests of one API key or user, which are then not counted by client IP. Empty: all
    /// requests are counted by client IP
    #[arg(long, env, global = true, value_name = "RATE_LIMIT_CALLER_MAX",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_caller_max: Option<u32>,
    /// Window of `RATE_LIMIT_CALLER_MAX`, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000,
          value_name = "RATE_LIMIT_CALLER_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_caller_window: u32,
}
