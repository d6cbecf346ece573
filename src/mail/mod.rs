//! Mail: by SMTP, or, where there is none, into a folder, so that the embedded mode can be tried
//! out whole.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// How long a mail server may take for each of its answers.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most mails that wait to be sent; what comes on top is not sent, and the log says so.
const MOST: usize = 64;

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    way: Way,
    from: Mailbox,
    room: Arc<Semaphore>,
}

#[derive(Clone)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
    Nowhere,
}

/// Why a mail was not sent; for the log, without addresses or contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent(pub String);

impl std::fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = match self.way {
            Way::Smtp(_) => "SMTP",
            Way::Folder(_) => "folder",
            Way::Nowhere => "nowhere",
        };
        formatter.debug_struct("Mailer").field("way", &way).finish_non_exhaustive()
    }
}

impl Mailer {
    /// By the server of `SMTP_URL`: `smtp://` (plain, for loopback), `smtp://…?tls=required`
    /// (STARTTLS) or `smtps://`.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn smtp(url: &SecretString, from: &str) -> Result<Self, String> {
        let wrong = |_| {
            "SMTP_URL must be smtp://[user:password@]host[:port][?tls=required] or smtps://…"
                .to_owned()
        };
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret()).map_err(wrong)?;
        Self::by(Way::Smtp(transport.timeout(Some(TIMEOUT)).build()), from)
    }

    /// Into files of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// A line that names the variable, or that the folder cannot be made.
    pub fn folder(folder: &Path, from: &str) -> Result<Self, String> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("DATA_DIR: {}: {error}", folder.display()))?;
        Self::by(Way::Folder(AsyncFileTransport::new(folder)), from)
    }

    /// Nowhere: every mail is an error.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn nowhere(from: &str) -> Result<Self, String> {
        Self::by(Way::Nowhere, from)
    }

    fn by(way: Way, from: &str) -> Result<Self, String> {
        let from = from
            .parse()
            .map_err(|_| "MAIL_FROM must be an address such as MDL <mdl@example.com>".to_owned())?;
        Ok(Self { way, from, room: Arc::new(Semaphore::new(MOST)) })
    }

    /// Whether a mail has any chance.
    pub fn goes_somewhere(&self) -> bool {
        !matches!(self.way, Way::Nowhere)
    }

    /// Sends a text. Takes as long as the mail server does: not for a request to wait for.
    ///
    /// # Errors
    /// [`Unsent`].
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), Unsent> {
        let Ok(_room) = self.room.try_acquire() else {
            return Err(Unsent("too many mails wait to be sent".into()));
        };
        let to = to.parse().map_err(|_| Unsent("the address cannot be written to".into()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| Unsent(error.to_string()))?;
        match &self.way {
            Way::Smtp(server) => {
                server.send(message).await.map(|_| ()).map_err(|error| Unsent(error.to_string()))
            }
            Way::Folder(folder) => {
                folder.send(message).await.map(|_| ()).map_err(|error| Unsent(error.to_string()))
            }
            Way::Nowhere => Err(Unsent("SMTP_URL is not set".into())),
        }
    }
}
