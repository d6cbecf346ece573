//! Settings of the metrics listener, which Prometheus scrapes.

use std::net::IpAddr;

use clap::{ArgAction, Args};

/// Whether and where `/metrics` is served.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics for Prometheus")]
pub struct MetricsConfig {
    /// Serve /metrics for Prometheus
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "METRICS_ENABLED")]
    pub metrics_enabled: bool,
    /// Address of the listener for /metrics [default: HOST]
    #[arg(long, env, global = true, value_name = "METRICS_HOST")]
    pub metrics_host: Option<IpAddr>,
    /// Port of the listener for /metrics; 0 takes a free one; with HOST and PORT of the service,
    /// that listener serves it
    #[arg(long, env, global = true, default_value_t = 9090, value_name = "METRICS_PORT")]
    pub metrics_port: u16,
}
