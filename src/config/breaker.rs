//! Settings of the circuit breaker in front of the database.

use std::time::Duration;

use clap::{ArgAction, Args};

/// When a circuit opens, and for how long.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Circuit breaker")]
pub struct BreakerConfig {
    /// Open circuits when the database fails; the timeout applies in any case
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "CIRCUIT_BREAKER_ENABLED")]
    pub circuit_breaker_enabled: bool,
    /// Timeout of a database call, in milliseconds; slower calls are cancelled
    #[arg(long, env, global = true, default_value_t = 10_000,
          value_name = "CIRCUIT_BREAKER_TIMEOUT",
          value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub circuit_breaker_timeout: u64,
    /// Failure rate of the calls completed in ten seconds that opens a circuit, in percent
    #[arg(long, env, global = true, default_value_t = 50,
          value_name = "CIRCUIT_BREAKER_ERROR_THRESHOLD",
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub circuit_breaker_error_threshold: u8,
    /// Time that a circuit stays open before a probe, in milliseconds
    #[arg(long, env, global = true, default_value_t = 30_000,
          value_name = "CIRCUIT_BREAKER_RESET_TIMEOUT",
          value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    pub circuit_breaker_reset_timeout: u64,
    /// Least number of calls completed in ten seconds that can open a circuit
    #[arg(long, env, global = true, default_value_t = 10,
          value_name = "CIRCUIT_BREAKER_VOLUME_THRESHOLD",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub circuit_breaker_volume_threshold: u64,
}

impl BreakerConfig {
    /// Timeout of a database call.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.circuit_breaker_timeout)
    }

    /// Time that a circuit stays open before a probe.
    pub fn reset_timeout(&self) -> Duration {
        Duration::from_millis(self.circuit_breaker_reset_timeout)
    }
}
