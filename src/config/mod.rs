//! The configuration, one struct per subject. Each field is an environment variable (also read from
//! `.env`) and a command-line option; its doc comment is the `--help` text. Secrets are variables
//! only ([`secrets`]).

mod auth;
mod breaker;
mod database;
mod error;
mod http;
mod limits;
mod logs;
mod mail;
mod metrics;
mod non_empty;
pub mod secrets;
mod service;
mod shipping;
pub mod transport;
mod transport_check;

use clap::Args;

pub use self::auth::AuthConfig;
pub use self::breaker::BreakerConfig;
pub use self::database::DatabaseConfig;
pub use self::error::ConfigError;
pub use self::http::HttpConfig;
pub use self::limits::RateLimitConfig;
pub use self::logs::{LogConfig, LogFormat};
pub use self::mail::MailConfig;
pub use self::metrics::MetricsConfig;
pub use self::service::ServiceConfig;
pub use self::shipping::ShippingConfig;
pub use self::transport::TransportConfig;

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
    pub transport: TransportConfig,
}
