//! Settings of the metrics listener, which Prometheus scrapes.

use clap::{ArgAction, Args};

use super::host::ListenHost;

/// Port of the metrics listener where `METRICS_PORT` is not set.
const DEFAULT_PORT: u16 = 9090;

/// Whether and where `/metrics` is served.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics for Prometheus")]
pub struct MetricsConfig {
    /// Serve /metrics for Prometheus
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "METRICS_ENABLED")]
    pub metrics_enabled: bool,
    /// Address of the listener for /metrics [default: HOST]
    #[arg(long, env, global = true, value_name = "METRICS_HOST",
          value_parser = ListenHost::parse)]
    pub metrics_host: Option<ListenHost>,
    /// Port of the listener for /metrics; 0 takes a free one; with HOST and PORT of the service,
    /// that listener serves it [default: 9090; if that is in use, metrics are not served]
    #[arg(long, env, global = true, value_name = "METRICS_PORT")]
    pub metrics_port: Option<u16>,
}

impl MetricsConfig {
    /// Port of the listener for `/metrics`.
    pub fn port(&self) -> u16 {
        self.metrics_port.unwrap_or(DEFAULT_PORT)
    }

    /// Whether the service may run without metrics if its port is in use: it is the default, which
    /// Prometheus itself uses, too.
    pub fn is_port_optional(&self) -> bool {
        self.metrics_port.is_none()
    }
}
