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
    /// Hosts that may be sent credentials without TLS, by comma, as their URL names them: those of `SMTP_URL`, `ELASTICSEARCH_URL`,
    /// `AWS_ENDPOINT_URL` and `--url`. Loopback always may
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
        let mut allowed = self.allow_cleartext_credentials_to.split(',').map(|name| bare(name.trim()));
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
    /// Whether what the service sends to other hosts may be sent so; which of it is not protected all the same.
    ///
    /// # Errors
    /// A line that names the variable, when credentials would be sent without TLS to a host that is not allowed by name.
    pub fn check_transport(&self) -> Result<Vec<Unprotected>, String> {
        let mut unprotected = Vec::new();
        if let Some(url) = parse(self.mail.server()) {
            unprotected.extend(self.check_mail(&url)?);
        }
        let shipping = &self.shipping;
        if shipping.elasticsearch_enabled {
            let credentials = shipping.elasticsearch_api_key()?.is_some();
            let url = parse(Some(&shipping.elasticsearch_url()?));
            if let Some(url) = url.filter(|url| url.scheme() == "http" && (credentials || has_credentials(url))) {
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
        Ok((!is_loopback(host(url))).then_some(Unprotected { variable: "SMTP_URL", reason, remedy }))
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
mod tests {
    use super::*;
    use clap::Parser;

    type Secrets<'a> = &'a [(&'a str, &'a str)];

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn config(options: &[&str], secrets: &[(&str, &str)]) -> Config {
        let mut config = Line::parse_from([&["mdl"], options].concat()).config;
        for (name, value) in secrets {
            config.set_secret(name, (*value).into()).expect("a secret");
        }
        config
    }

    #[test]
    fn hosts_that_are_this_machine() {
        for host in
            ["localhost", "LOCALHOST.", "x.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1", "::ffff:127.0.0.1"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "localhost.example.com", "notlocalhost", "10.0.0.1", "[::2]", "0.0.0.0", "127.0.0.1.example.com"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn credentials_without_tls_are_refused_unless_the_host_is_allowed() {
        let elastic = ["--elasticsearch-enabled", "true"];
        let cases: [(&[&str], Secrets<'_>, &str); 5] = [
            (&[], &[("SMTP_URL", "smtp://u:SECRET@mail.example.com")], "mail.example.com"),
            (&elastic, &[("ELASTICSEARCH_URL", "http://u:SECRET@[2001:db8::1]:9200")], "2001:db8::1"),
            (
                &elastic,
                &[("ELASTICSEARCH_URL", "http://es.example.com"), ("ELASTICSEARCH_API_KEY", "SECRET")],
                "es.example.com",
            ),
            (&["--aws-cloudwatch-enabled", "true", "--aws-endpoint-url", "http://10.0.0.1:4566"], &[], "10.0.0.1"),
            (&[], &[("SMTP_URL", "smtp://u:SECRET@10.0.0.1:25/ehlo")], "10.0.0.1"),
        ];
        for (options, secrets, host) in cases {
            let message = config(options, secrets).check_transport().expect_err(host);
            let remedy = format!("ALLOW_CLEARTEXT_CREDENTIALS_TO={host}");
            assert!(message.contains(&remedy) && message.contains("_URL") && !message.contains("SECRET"), "{message}");
            let allowed = format!("other, {}", host.to_uppercase());
            let options = [options, &["--allow-cleartext-credentials-to", &allowed]].concat();
            config(&options, secrets).check_transport().expect("allowed");
        }
    }

    #[test]
    fn what_is_safe_or_switched_off_starts_and_the_rest_is_warned_about() {
        let count = |options: &[&str], secrets: &[(&str, &str)]| {
            config(options, secrets).check_transport().expect("accepted").len()
        };
        assert_eq!(count(&[], &[]), 0);
        assert_eq!(count(&[], &[("ELASTICSEARCH_URL", "http://u:p@es.example.com")]), 0, "not enabled");
        assert_eq!(
            count(&["--elasticsearch-enabled", "true"], &[("ELASTICSEARCH_URL", "https://u:p@es.example.com")]),
            0
        );
        for (url, warnings) in [
            ("smtp://u:p@127.0.0.1:25", 0),
            ("smtps://u:p@mail.example.com", 0),
            ("smtp://u:p@mail.example.com?tls=required", 0),
            ("smtp://u:p@mail.example.com?tls=opportunistic", 1),
            ("smtp://u:p@localhost?tls=opportunistic", 0),
            ("smtp://mail.example.com", 1),
        ] {
            assert_eq!(count(&[], &[("SMTP_URL", url)]), warnings, "{url}");
        }
    }
}
