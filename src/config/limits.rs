//! How much is too much.

use clap::{ArgAction, Args};

/// Limits against floods and guessing.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct LimitConfig {
    /// Whether anything is limited
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "RATE_LIMIT_ENABLED")]
    pub rate_limit_enabled: bool,
    /// Most requests from one address; health checks and pages are not counted
    #[arg(long, env, global = true, default_value_t = 100, value_name = "RATE_LIMIT_GENERAL_MAX",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_general_max: u32,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000, value_name = "RATE_LIMIT_GENERAL_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_general_window: u32,
    /// Most failed log-ins, password changes, registrations and refreshes from one address; an
    /// account takes 50 times as many from all addresses that it does not know
    #[arg(long, env, global = true, default_value_t = 5, value_name = "RATE_LIMIT_AUTH_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_auth_max: u32,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000, value_name = "RATE_LIMIT_AUTH_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_auth_window: u32,
    /// Most new API keys of one user
    #[arg(long, env, global = true, default_value_t = 10, value_name = "RATE_LIMIT_API_KEY_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_api_key_max: u32,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 3_600_000, value_name = "RATE_LIMIT_API_KEY_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_api_key_window: u32,
    /// Most requests for a password reset, from one address and for one account
    #[arg(long, env, global = true, default_value_t = 3, value_name = "RATE_LIMIT_PASSWORD_RESET_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_password_reset_max: u32,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 3_600_000, value_name = "RATE_LIMIT_PASSWORD_RESET_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_password_reset_window: u32,
    /// Most requests from one address in a second, smoothed
    #[arg(long, env, global = true, default_value_t = 50, value_name = "RATE_LIMIT_BURST_PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_burst_per_second: u32,
    /// Most lookups of API keys that do not exist, from one address
    #[arg(long, env, global = true, default_value_t = 10, value_name = "RATE_LIMIT_UNKNOWN_KEY_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate_limit_unknown_key_max: u32,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 60_000, value_name = "RATE_LIMIT_UNKNOWN_KEY_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_unknown_key_window: u32,
    /// Most requests of one API key or user, instead of counting them by address. Empty: all
    /// requests count by address
    #[arg(long, env, global = true, value_name = "RATE_LIMIT_CALLER_MAX",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate_limit_caller_max: Option<u32>,
    /// In how long, in milliseconds
    #[arg(long, env, global = true, default_value_t = 900_000, value_name = "RATE_LIMIT_CALLER_WINDOW",
          value_parser = clap::value_parser!(u32).range(1000..=86_400_000))]
    pub rate_limit_caller_window: u32,
}
