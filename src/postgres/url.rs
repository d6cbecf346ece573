//! `DATABASE_URL`, read as libpq reads it: several hosts, `sslmode` and `sslrootcert` included,
//! which the driver itself does not know. An error never shows the URL: there is a password in it.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use strum::EnumString;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as DriverSslMode};

use crate::config::transport::{Unprotected, is_loopback};

/// How far TLS is insisted on (libpq, table 34.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum SslMode {
    Disable,
    /// Where the server offers it; nothing is verified.
    Prefer,
    /// Always; nothing is verified, unless there is an `sslrootcert`.
    Require,
    /// Always, and the certificate must come from a known authority.
    VerifyCa,
    /// Always, and the certificate must be this host's.
    VerifyFull,
}

/// Where the database is, and how to get there.
#[derive(Clone)]
pub struct DatabaseUrl {
    /// For the driver.
    pub config: Config,
    /// How far TLS is insisted on.
    pub ssl_mode: SslMode,
    /// Certificates of the authorities that are believed, PEM; without it those of the system.
    pub ssl_root_cert: Option<PathBuf>,
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DatabaseUrl")
            .field("ssl_mode", &self.ssl_mode)
            .finish_non_exhaustive()
    }
}

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// A line that names the variable and the part, not the text.
    pub fn parse(url: &SecretString) -> Result<Self, String> {
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("DATABASE_URL must begin with postgres:// or postgresql://".into());
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = SslMode::Prefer;
        let mut ssl_root_cert = None;
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => {
                    ssl_mode = value.parse().map_err(|_| {
                        "DATABASE_URL: sslmode must be disable, prefer, require, verify-ca or verify-full".to_owned()
                    })?;
                }
                "sslrootcert" if value == "system" => ssl_root_cert = None,
                "sslrootcert" => ssl_root_cert = Some(PathBuf::from(value.into_owned())),
                "sslcert" | "sslkey" | "sslcrl" => {
                    return Err(format!("DATABASE_URL: {name} is not supported"));
                }
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        let rest = rest.finish();
        let plain = if rest.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", rest.replace('+', "%20"))
        };
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            format!("DATABASE_URL cannot be read: {error}")
        })?;
        if config.get_hosts().is_empty() {
            return Err("DATABASE_URL must name a host".into());
        }
        // As libpq does: a root certificate makes `require` mean `verify-ca`.
        if ssl_mode == SslMode::Require && ssl_root_cert.is_some() {
            ssl_mode = SslMode::VerifyCa;
        }
        config.ssl_mode(match ssl_mode {
            SslMode::Disable => DriverSslMode::Disable,
            SslMode::Prefer => DriverSslMode::Prefer,
            _ => DriverSslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("mdl");
        }
        // The system's own defaults notice a vanished server after two hours.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(8));
        Ok(Self { config, ssl_mode, ssl_root_cert })
    }

    /// What an attacker on the way to the database could do, if it is on another host.
    pub fn unprotected(&self) -> Option<Unprotected> {
        let elsewhere = |host: &Host| matches!(host, Host::Tcp(name) if !is_loopback(name));
        let addresses = self.config.get_hostaddrs();
        let elsewhere = self.config.get_hosts().iter().any(elsewhere)
            || addresses.iter().any(|address| !address.is_loopback());
        let reason = match self.ssl_mode {
            _ if !elsewhere => return None,
            SslMode::VerifyCa | SslMode::VerifyFull => return None,
            SslMode::Disable => "the connection is not encrypted",
            SslMode::Prefer => {
                "TLS is only used if the server offers it, and its certificate is not verified"
            }
            SslMode::Require => "the certificate of the server is not verified",
        };
        Some(Unprotected {
            variable: "DATABASE_URL",
            reason,
            remedy: "add sslmode=verify-full (and sslrootcert=FILE)",
        })
    }
}

#[cfg(test)]
mod tests;
