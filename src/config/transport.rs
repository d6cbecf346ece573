//! Decides which connections to other hosts may carry credentials: those with TLS, to loopback, or
//! to a host that `ALLOW_CLEARTEXT_CREDENTIALS_TO` names.

use std::net::IpAddr;

use clap::Args;
use url::Url;

use crate::config::error::ConfigError;

/// Exceptions from TLS.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connections to other hosts")]
pub struct TransportConfig {
    /// Hosts of `SMTP_URL`, `ELASTICSEARCH_URL`, `AWS_ENDPOINT_URL`, `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// and --url that may be sent credentials without TLS, separated by commas. Loopback needs no
    /// exception
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ALLOW_CLEARTEXT_CREDENTIALS_TO"
    )]
    pub allow_cleartext_credentials_to: String,
}

/// A connection to another host that a network attacker could read or change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnprotectedConnection {
    pub variable: &'static str,
    pub reason: &'static str,
    pub remedy: &'static str,
}

impl TransportConfig {
    /// Checks that credentials may be sent without TLS to the host of `url`, which `variable`
    /// holds; `encrypted` is what the error suggests instead.
    ///
    /// # Errors
    /// When the host is neither loopback nor allowed by name.
    pub fn check(&self, variable: &str, url: &Url, encrypted: &str) -> Result<(), ConfigError> {
        let host = host(url);
        let mut allowed =
            self.allow_cleartext_credentials_to.split(',').map(|name| bare(name.trim()));
        if is_loopback(host) || allowed.any(|name| name.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        Err(ConfigError::new(
            variable,
            format!(
                "would send credentials to {host} without TLS; use {encrypted}, or set \
                 ALLOW_CLEARTEXT_CREDENTIALS_TO={host}"
            ),
        ))
    }
}

/// Whether a URL's host is loopback, by name or address.
pub fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

pub(super) fn host(url: &Url) -> &str {
    bare(url.host_str().unwrap_or_default())
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests;
