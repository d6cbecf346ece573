//! Errors of mail: of its configuration, for the operator, and of one message, for the log.

use std::path::PathBuf;

use thiserror::Error;

/// Why mail cannot be configured.
#[derive(Debug, Error)]
pub enum MailConfigError {
    /// Has no source, because that may quote the URL and its password.
    #[error(
        "SMTP_URL must be smtp://[user:password@]host[:port][?tls=required] or smtps://[…]host"
    )]
    InvalidUrl,
    #[error("MAIL_FROM must be an address such as MDL <mdl@example.com>")]
    InvalidSender(#[source] lettre::address::AddressError),
    #[error("DATA_DIR: cannot create {}", .path.display())]
    CreateFolder { path: PathBuf, source: std::io::Error },
}

/// Why a message was not sent. The text has no addresses and no content of the message.
#[derive(Debug, Error)]
pub enum MailError {
    #[error("too many messages are waiting")]
    QueueFull,
    #[error("the recipient is not a mail address")]
    InvalidRecipient,
    #[error("failed to build the message")]
    Build(#[source] lettre::error::Error),
    #[error("failed to send by SMTP")]
    Smtp(#[source] lettre::transport::smtp::Error),
    #[error("failed to write into the mail folder")]
    File(#[source] lettre::transport::file::Error),
    #[error("SMTP_URL is not set")]
    Disabled,
}
