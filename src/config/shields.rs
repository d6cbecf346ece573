//! What browsers are told, who else's scripts may read, and which proxies are believed.

use clap::{ArgAction, Args};

/// Headers, origins and proxies.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Shields")]
pub struct ShieldConfig {
    /// Proxies whose X-Forwarded-For counts: addresses and networks, by comma. Empty: none
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "TRUSTED_PROXIES"
    )]
    pub trusted_proxies: String,
    /// Origins whose scripts may read answers (`https://app.example.com`), by comma; * for any.
    /// Empty: only this service's own
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "CORS_ORIGIN"
    )]
    pub cors_origin: String,
    /// Whether answers carry headers for the security of browsers
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "SECURITY_HEADERS_ENABLED")]
    pub security_headers_enabled: bool,
    /// Whether Content-Security-Policy is among them
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "CSP_ENABLED")]
    pub csp_enabled: bool,
    /// Whether Strict-Transport-Security is among them
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set, value_name = "HSTS_ENABLED")]
    pub hsts_enabled: bool,
}

impl ShieldConfig {
    /// The origins.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn origins(&self) -> Result<Vec<String>, String> {
        let entries = self.cors_origin.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origin = |entry: &str| {
            let exact = url::Url::parse(entry).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.origin().ascii_serialization() == entry
            });
            if exact || entry == "*" {
                Ok(entry.to_owned())
            } else {
                Err("CORS_ORIGIN must be origins such as https://app.example.com, by comma, or *"
                    .into())
            }
        };
        entries.map(origin).collect()
    }
}
