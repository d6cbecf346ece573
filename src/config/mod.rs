//! The configuration: one small struct a subject, each field a variable of the environment (or of
//! `.env`) and an option of the command line, with its default and its comment as the help text.
//! Secrets are variables only ([`secrets`]).

mod auth;
mod breaker;
mod database;
mod limits;
mod logs;
mod mail;
mod metrics;
pub mod secrets;
mod service;
mod shields;
mod shipping;
pub mod transport;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

pub use self::auth::AuthConfig;
pub use self::breaker::BreakerConfig;
pub use self::database::DatabaseConfig;
pub use self::limits::LimitConfig;
pub use self::logs::{LogConfig, LogFormat};
pub use self::mail::MailConfig;
pub use self::metrics::MetricsConfig;
pub use self::service::ServiceConfig;
pub use self::shields::ShieldConfig;
pub use self::shipping::ShippingConfig;
pub use self::transport::TransportConfig;

/// All of it.
#[derive(Clone, Debug, Args)]
pub struct Config {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub service: ServiceConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub breaker: BreakerConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub auth: AuthConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub shields: ShieldConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub mail: MailConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub metrics: MetricsConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub logs: LogConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub shipping: ShippingConfig,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub transport: TransportConfig,
}

/// A variable that is set to nothing is not set.
fn given(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}
