//! Mail, and the address that it names.

use clap::Args;
use secrecy::SecretString;

/// How mail is sent.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mail")]
pub struct MailConfig {
    /// `SMTP_URL`: the mail server.
    #[arg(skip)]
    pub smtp_url: Option<SecretString>,
    /// Sender of mails
    #[arg(long, env, global = true, default_value = "mdl@localhost", value_name = "MAIL_FROM")]
    pub mail_from: String,
    /// Where clients reach this service, for mails. Empty: mails name no address
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
    /// The mail server, where one is given.
    pub fn server(&self) -> Option<&SecretString> {
        super::given(self.smtp_url.as_ref())
    }

    /// Where clients reach this service, without a slash at the end; none if it is not said.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn public_url(&self) -> Result<Option<String>, String> {
        if self.public_url.is_empty() {
            return Ok(None);
        }
        let url = url::Url::parse(&self.public_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or("PUBLIC_URL must be an http or https address")?;
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }
}
