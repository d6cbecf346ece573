//! Settings of mail.

use clap::Args;
use secrecy::SecretString;

use crate::config::error::ConfigError;
use crate::config::non_empty::non_empty;

/// Mail server, sender, and the address of this service in mails.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mail")]
pub struct MailConfig {
    /// Value of `SMTP_URL`.
    #[arg(skip)]
    pub smtp_url: Option<SecretString>,
    /// Sender of mails
    #[arg(long, env, global = true, default_value = "mdl@localhost", value_name = "MAIL_FROM")]
    pub mail_from: String,
    /// URL of this service for clients, used in mails. Empty: mails contain no link
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "PUBLIC_URL"
    )]
    pub public_url: String,
}

impl MailConfig {
    /// URL of the mail server, if it is set.
    pub fn server(&self) -> Option<&SecretString> {
        non_empty(self.smtp_url.as_ref())
    }

    /// URL of this service for clients, without a slash at the end, if it is set.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn public_url(&self) -> Result<Option<String>, ConfigError> {
        if self.public_url.is_empty() {
            return Ok(None);
        }
        let url = url::Url::parse(&self.public_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| ConfigError::new("PUBLIC_URL", "must be an http or https address"))?;
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }
}
