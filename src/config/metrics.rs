//! What Prometheus scrapes.

use clap::{ArgAction, Args};

/// Whether and where Prometheus scrapes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics for Prometheus")]
pub struct MetricsConfig {
    /// Whether there is anything to scrape
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "METRICS_ENABLED")]
    pub metrics_enabled: bool,
    /// Port of the listener for /metrics, on HOST; the same as PORT puts it there; 0 takes a free one
    #[arg(long, env, global = true, default_value_t = 9090, value_name = "METRICS_PORT")]
    pub metrics_port: u16,
}
