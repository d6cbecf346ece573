//! What Prometheus scrapes.

use std::net::IpAddr;

use clap::{ArgAction, Args};

/// Whether and where Prometheus scrapes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics for Prometheus")]
pub struct MetricsConfig {
    /// Whether there is anything to scrape
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "METRICS_ENABLED")]
    pub metrics_enabled: bool,
    /// Address of the listener for /metrics [default: HOST]
    #[arg(long, env, global = true, value_name = "METRICS_HOST")]
    pub metrics_host: Option<IpAddr>,
    /// Port of the listener for /metrics; HOST and PORT of the service put it there; 0 takes a free
    /// one
    #[arg(long, env, global = true, default_value_t = 9090, value_name = "METRICS_PORT")]
    pub metrics_port: u16,
}
