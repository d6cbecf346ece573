//! Sends mail: by SMTP, or into a folder in the embedded mode, so that password resets can be tried
//! without a mail server. What is sent is decided in `http::accounts::password_resets`.

mod error;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

pub use self::error::{MailConfigError, MailError};

/// Longest wait for each response of the mail server.
const SMTP_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages that may wait to be sent at a time; more are refused.
const MAX_WAITING: usize = 64;

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: MailTransport,
    from: Mailbox,
    queue: Arc<Semaphore>,
}

#[derive(Clone)]
enum MailTransport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
    Disabled,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let transport = match self.transport {
            MailTransport::Smtp(_) => "SMTP",
            MailTransport::Folder(_) => "folder",
            MailTransport::Disabled => "disabled",
        };
        formatter.debug_struct("Mailer").field("transport", &transport).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Creates a mailer for the server of `SMTP_URL`: `smtp://` (plain, for loopback),
    /// `smtp://…?tls=required` (STARTTLS) or `smtps://`.
    ///
    /// # Errors
    /// When the URL or the sender is invalid.
    pub fn with_smtp(url: &SecretString, from: &str) -> Result<Self, MailConfigError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|_| MailConfigError::InvalidUrl)?;
        Self::new(MailTransport::Smtp(transport.timeout(Some(SMTP_TIMEOUT)).build()), from)
    }

    /// Creates a mailer that writes each message into a file of a folder, which is created if it
    /// does not exist.
    ///
    /// # Errors
    /// When the folder cannot be created, or the sender is invalid.
    pub fn with_folder(folder: &Path, from: &str) -> Result<Self, MailConfigError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| MailConfigError::CreateFolder { path: folder.to_owned(), source })?;
        Self::new(MailTransport::Folder(AsyncFileTransport::new(folder)), from)
    }

    /// Creates a mailer that fails to send every message.
    ///
    /// # Errors
    /// When the sender is invalid.
    pub fn disabled(from: &str) -> Result<Self, MailConfigError> {
        Self::new(MailTransport::Disabled, from)
    }

    /// Whether messages can be sent at all.
    pub fn is_enabled(&self) -> bool {
        !matches!(self.transport, MailTransport::Disabled)
    }

    fn new(transport: MailTransport, from: &str) -> Result<Self, MailConfigError> {
        let from = from.parse().map_err(MailConfigError::InvalidSender)?;
        Ok(Self { transport, from, queue: Arc::new(Semaphore::new(MAX_WAITING)) })
    }

    /// Sends a plain text message. Takes as long as the mail server does, so no request should
    /// wait for it.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), MailError> {
        let Ok(_queued) = self.queue.try_acquire() else {
            return Err(MailError::QueueFull);
        };
        let to = to.parse().map_err(|_| MailError::InvalidRecipient)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(MailError::Build)?;
        match &self.transport {
            MailTransport::Smtp(server) => {
                server.send(message).await.map(|_| ()).map_err(MailError::Smtp)
            }
            MailTransport::Folder(folder) => {
                folder.send(message).await.map(|_| ()).map_err(MailError::File)
            }
            MailTransport::Disabled => Err(MailError::Disabled),
        }
    }
}
