//! The configuration, one struct per subject. Each field is an environment variable (also read from
//! `.env`) and a command-line option; its doc comment is the `--help` text. Secrets are variables
//! only ([`secrets`]).

mod auth;
mod breaker;
mod database;
mod error;
mod host;
mod http;
mod limits;
mod logs;
mod mail;
mod metrics;
mod non_empty;
pub mod secrets;
mod service;
mod shipping;
mod traces;
pub mod transport;
mod transport_check;
pub mod unknown_variables;

use std::path::PathBuf;

use clap::Args;

pub use self::auth::AuthConfig;
pub use self::breaker::BreakerConfig;
pub use self::database::DatabaseConfig;
pub use self::error::ConfigError;
pub use self::host::ListenHost;
pub use self::http::HttpConfig;
pub use self::limits::RateLimitConfig;
pub use self::logs::{LogConfig, LogFormat};
pub use self::mail::MailConfig;
pub use self::metrics::MetricsConfig;
pub use self::service::ServiceConfig;
pub use self::shipping::ShippingConfig;
pub use self::traces::{TraceConfig, TraceSampler};
pub use self::transport::TransportConfig;
use self::unknown_variables::UnknownVariable;

/// The whole configuration.
#[derive(Clone, Debug, Args)]
pub struct Config {
    #[command(flatten)]
    pub service: ServiceConfig,
    #[command(flatten)]
    pub database: DatabaseConfig,
    #[command(flatten)]
    pub breaker: BreakerConfig,
    #[command(flatten)]
    pub auth: AuthConfig,
    #[command(flatten)]
    pub limits: RateLimitConfig,
    #[command(flatten)]
    pub http: HttpConfig,
    #[command(flatten)]
    pub mail: MailConfig,
    #[command(flatten)]
    pub metrics: MetricsConfig,
    #[command(flatten)]
    pub logs: LogConfig,
    #[command(flatten)]
    pub shipping: ShippingConfig,
    #[command(flatten)]
    pub traces: TraceConfig,
    #[command(flatten)]
    pub transport: TransportConfig,
    /// Names in `.env` that are probably mistakes, set by `app::environment`.
    #[arg(skip)]
    pub unknown_variables: Vec<UnknownVariable>,
}

impl Config {
    /// Path of the socket for `mdl circuits`; `port` is that of the API.
    pub fn admin_socket(&self, port: u16) -> PathBuf {
        let default = || self.database.data_dir.join(format!("admin-{port}.sock"));
        self.service
            .admin_socket
            .clone()
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or_else(default)
    }
}
