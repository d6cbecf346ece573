//! Parses `DATABASE_URL` as libpq does, including several hosts and the parameters `sslmode` and
//! `sslrootcert`, which the driver does not know. Errors never quote the URL, because it may have a
//! password.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use strum::EnumString;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as DriverSslMode, TargetSessionAttrs};

use crate::config::transport::{UnprotectedConnection, is_loopback};

/// The default of `application_name`, also the prefix before the name of a process.
const APPLICATION_NAME: &str = "mdl";
/// Longest `application_name`, in bytes; `PostgreSQL` cuts off what is longer.
const APPLICATION_NAME_MAX: usize = 63;

/// TLS modes (`PostgreSQL` documentation, libpq, "SSL Mode Descriptions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum SslMode {
    Disable,
    /// TLS if the server offers it; the certificate is not verified.
    Prefer,
    /// TLS; the certificate is not verified unless `sslrootcert` is set.
    Require,
    /// TLS; the certificate must be of a trusted authority.
    VerifyCa,
    /// TLS; the certificate must be of a trusted authority and for this host.
    VerifyFull,
}

/// The parsed URL of the database.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub config: Config,
    pub ssl_mode: SslMode,
    /// PEM file with the certificates of trusted authorities; none for those of the system.
    pub ssl_root_cert: Option<PathBuf>,
}

/// What a URL names, for log events; the password is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseTarget {
    /// Hosts and ports, separated by commas.
    pub host: String,
    pub database: String,
    pub user: String,
    /// By which the server lists the connections of this process.
    pub application_name: String,
}

/// Why the URL cannot be used. The messages are for the operator and name the variable.
#[derive(Debug, Error)]
pub enum DatabaseUrlError {
    #[error("DATABASE_URL must begin with postgres:// or postgresql://")]
    UnknownScheme,
    #[error("DATABASE_URL: sslmode must be disable, prefer, require, verify-ca or verify-full")]
    UnknownSslMode,
    #[error("DATABASE_URL: target_session_attrs must be any, read-write or read-only")]
    UnknownTarget,
    #[error("DATABASE_URL: {0} is not supported")]
    UnsupportedParameter(&'static str),
    /// Without its cause, which may quote a part of the URL.
    #[error("DATABASE_URL cannot be parsed")]
    Invalid,
    #[error("DATABASE_URL must name a host")]
    NoHost,
    /// What follows an `@` inside the password would be taken for the host, and logged.
    #[error(
        "DATABASE_URL: user, password, host and database cannot be told apart; percent-encode \
         special characters of the password (@ as %40)"
    )]
    Ambiguous,
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
    /// Parses a URL.
    ///
    /// # Errors
    /// See [`DatabaseUrlError`].
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseUrlError::UnknownScheme);
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = SslMode::Prefer;
        let mut ssl_root_cert = None;
        let mut target = TargetSessionAttrs::ReadWrite;
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => {
                    ssl_mode = value.parse().map_err(|_| DatabaseUrlError::UnknownSslMode)?;
                }
                "sslrootcert" if value == "system" => ssl_root_cert = None,
                "sslrootcert" => ssl_root_cert = Some(PathBuf::from(value.into_owned())),
                "sslcert" => return Err(DatabaseUrlError::UnsupportedParameter("sslcert")),
                "sslkey" => return Err(DatabaseUrlError::UnsupportedParameter("sslkey")),
                "target_session_attrs" => {
                    target = match &*value {
                        "any" => TargetSessionAttrs::Any,
                        "read-write" => TargetSessionAttrs::ReadWrite,
                        "read-only" => TargetSessionAttrs::ReadOnly,
                        _ => return Err(DatabaseUrlError::UnknownTarget),
                    };
                }
                "sslcrl" => return Err(DatabaseUrlError::UnsupportedParameter("sslcrl")),
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
        let mut config: Config = plain.parse().map_err(|_| DatabaseUrlError::Invalid)?;
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        if base.matches('@').count() > 1 || !config.get_hosts().iter().all(is_plain_host) {
            return Err(DatabaseUrlError::Ambiguous);
        }
        // As in libpq, a root certificate makes `require` mean `verify-ca`.
        if ssl_mode == SslMode::Require && ssl_root_cert.is_some() {
            ssl_mode = SslMode::VerifyCa;
        }
        config.ssl_mode(match ssl_mode {
            SslMode::Disable => DriverSslMode::Disable,
            SslMode::Prefer => DriverSslMode::Prefer,
            _ => DriverSslMode::Require,
        });
        config.target_session_attrs(target);
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION_NAME);
        }
        // The defaults of the system detect a lost server only after two hours.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(8));
        Ok(Self { config, ssl_mode, ssl_root_cert })
    }

    /// Returns the URL for connections that only read: a standby is as good as a primary.
    #[must_use]
    pub fn for_reads(mut self) -> Self {
        self.config.target_session_attrs(TargetSessionAttrs::Any);
        self
    }

    /// Adds the name of this process to `application_name`, by which the server lists its
    /// connections, unless the URL sets another one.
    #[must_use]
    pub fn with_process_name(mut self, process: &str) -> Self {
        if self.config.get_application_name() == Some(APPLICATION_NAME) {
            let printable = process.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' });
            let name = format!("{APPLICATION_NAME}/{}", printable.collect::<String>());
            self.config.application_name(name.get(..APPLICATION_NAME_MAX).unwrap_or(&name));
        }
        self
    }

    /// Returns what the URL names, for log events.
    pub fn target(&self) -> DatabaseTarget {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let user = self.config.get_user().unwrap_or_default().to_owned();
        DatabaseTarget {
            host: hosts.collect::<Vec<_>>().join(","),
            // As in libpq, the database is named like the user by default.
            database: self.config.get_dbname().unwrap_or(&user).to_owned(),
            user,
            application_name: self.config.get_application_name().unwrap_or_default().to_owned(),
        }
    }

    /// Returns what is not protected if the database is on another host; none if all is.
    pub fn unprotected(&self) -> Option<UnprotectedConnection> {
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
        Some(UnprotectedConnection {
            variable: "DATABASE_URL",
            reason,
            remedy: "add sslmode=verify-full (and sslrootcert=FILE)",
        })
    }
}

/// Whether a host has only the characters of names and addresses, also of IPv6 with a zone.
fn is_plain_host(host: &Host) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:%-".contains(c);
    match host {
        Host::Tcp(name) => name.chars().all(is_plain),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests;
