//! Checks all connections of a configuration to other hosts by the rules of `transport`.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::transport::{UnprotectedConnection, host, is_loopback};
use super::{Config, ConfigError};

impl Config {
    /// Checks the service's connections to other hosts. Returns those that are allowed but not
    /// protected from a network attacker.
    ///
    /// # Errors
    /// When credentials would be sent without TLS to a host that is not allowed by name.
    pub fn check_transport(&self) -> Result<Vec<UnprotectedConnection>, ConfigError> {
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
        if let Some(url) = self.traces.endpoint()?.filter(|url| url.scheme() == "http")
            && !self.traces.headers()?.is_empty()
        {
            self.transport.check("OTEL_EXPORTER_OTLP_ENDPOINT", &url, "https://")?;
        }
        Ok(unprotected)
    }

    fn check_mail(&self, url: &Url) -> Result<Option<UnprotectedConnection>, ConfigError> {
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        let reason = match (url.scheme(), tls.as_deref()) {
            ("smtp", None) => "mail, and the tokens in it, is sent without TLS",
            ("smtp", Some("opportunistic")) => "a network attacker can disable TLS",
            _ => return Ok(None),
        };
        if has_credentials(url) {
            self.transport.check("SMTP_URL", url, "smtps:// or ?tls=required")?;
        }
        let remedy = "use smtps:// or ?tls=required";
        Ok((!is_loopback(host(url))).then_some(UnprotectedConnection {
            variable: "SMTP_URL",
            reason,
            remedy,
        }))
    }
}

/// Ignores an invalid URL: it is refused where it is used, with a better message.
fn parse(url: Option<&SecretString>) -> Option<Url> {
    Url::parse(url?.expose_secret()).ok()
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
