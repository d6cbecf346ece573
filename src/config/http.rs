//! Settings of the HTTP layer: trusted proxies, CORS origins, security headers.

use clap::{ArgAction, Args};

use crate::config::ConfigError;

/// Trusted proxies, CORS origins and security headers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Proxies and browsers")]
pub struct HttpConfig {
    /// Trusted proxies, whose X-Forwarded-For is used: addresses and networks, separated by commas
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "TRUSTED_PROXIES"
    )]
    pub trusted_proxies: String,
    /// Origins whose scripts may read responses (`https://app.example.com`), separated by commas; *
    /// allows any. Empty: only this service's own
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "CORS_ORIGIN"
    )]
    pub cors_origin: String,
    /// Send security headers for browsers
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "SECURITY_HEADERS_ENABLED")]
    pub security_headers_enabled: bool,
    /// Send the header Content-Security-Policy
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "CSP_ENABLED")]
    pub csp_enabled: bool,
    /// Send the header Strict-Transport-Security
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "HSTS_ENABLED")]
    pub hsts_enabled: bool,
}

impl HttpConfig {
    /// Parses `CORS_ORIGIN`.
    ///
    /// # Errors
    /// When an entry is neither an origin nor `*`.
    pub fn origins(&self) -> Result<Vec<String>, ConfigError> {
        let entries = self.cors_origin.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origin = |entry: &str| {
            let exact = url::Url::parse(entry).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.origin().ascii_serialization() == entry
            });
            if exact || entry == "*" {
                Ok(entry.to_owned())
            } else {
                Err(ConfigError::new(
                    "CORS_ORIGIN",
                    "must be origins such as https://app.example.com, separated by commas, or *",
                ))
            }
        };
        entries.map(origin).collect()
    }
}
