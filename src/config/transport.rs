//! Which credentials may leave this machine unencrypted.

use std::net::IpAddr;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Config;

/// Credentials on their way to other hosts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connections to other hosts")]
pub struct TransportConfig {
    /// Hosts that may be sent credentials without TLS, by comma, as their URL names them: those of
    /// `SMTP_URL`, `ELASTICSEARCH_URL`, `AWS_ENDPOINT_URL` and `--url`. Loopback always may
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

/// A connection to another host that starts, but is not safe from an attacker in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// The variable that names the host.
    pub variable: &'static str,
    /// What is missing.
    pub reason: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl TransportConfig {
    /// Whether credentials may be sent without TLS to the host that `variable` names.
    ///
    /// # Errors
    /// A line that names the variable, the host, and what to do.
    pub fn check(&self, variable: &str, url: &Url, encrypted: &str) -> Result<(), String> {
        let host = host(url);
        let mut allowed =
            self.allow_cleartext_credentials_to.split(',').map(|name| bare(name.trim()));
        if is_loopback(host) || allowed.any(|name| name.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        Err(format!(
            "{variable} would send credentials to {host} without TLS; use {encrypted}, or set \
             ALLOW_CLEARTEXT_CREDENTIALS_TO={host}"
        ))
    }
}

impl Config {
    /// Whether what the service sends to other hosts may be sent so; which of it is not protected
    /// all the same.
    ///
    /// # Errors
    /// A line that names the variable, when credentials would be sent without TLS to a host that is
    /// not allowed by name.
    pub fn check_transport(&self) -> Result<Vec<Unprotected>, String> {
        let mut unprotected = Vec::new();
        if let Some(url) = parse(self.mail.server()) {
            unprotected.extend(self.check_mail(&url)?);
        }
        let shipping = &self.shipping;
        if shipping.elasticsearch_enabled {
            let credentials = shipping.elasticsearch_api_key()?.is_some();
            let url = parse(Some(&shipping.elasticsearch_url()?));
            if let Some(url) =
                url.filter(|url| url.scheme() == "http" && (credentials || has_credentials(url)))
            {
                self.transport.check("ELASTICSEARCH_URL", &url, "https://")?;
            }
        }
        if shipping.aws_cloudwatch_enabled {
            let url = shipping.aws_endpoint_url.as_deref().and_then(|url| Url::parse(url).ok());
            if let Some(url) = url.filter(|url| url.scheme() == "http") {
                self.transport.check("AWS_ENDPOINT_URL", &url, "https://")?;
            }
        }
        Ok(unprotected)
    }

    fn check_mail(&self, url: &Url) -> Result<Option<Unprotected>, String> {
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        let reason = match (url.scheme(), tls.as_deref()) {
            ("smtp", None) => {
                if has_credentials(url) {
                    self.transport.check("SMTP_URL", url, "smtps:// or ?tls=required")?;
                }
                "mail, and the tokens in it, is sent without TLS"
            }
            ("smtp", Some("opportunistic")) => "an attacker in between can switch TLS off",
            _ => return Ok(None),
        };
        let remedy = "use smtps:// or ?tls=required";
        Ok((!is_loopback(host(url))).then_some(Unprotected {
            variable: "SMTP_URL",
            reason,
            remedy,
        }))
    }
}

/// Whether a host is this machine, by its name or address as a URL has it.
pub fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

fn host(url: &Url) -> &str {
    bare(url.host_str().unwrap_or_default())
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// A URL that cannot be read is refused where it is used, with a better message.
fn parse(url: Option<&SecretString>) -> Option<Url> {
    Url::parse(url?.expose_secret()).ok()
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests;
