//! The message after a form was sent: what has been done. The form's answer sends the browser to a
//! page whose query names the message, so that a reload repeats neither the change nor a text that
//! another person could choose.

use std::str::FromStr;

use strum::{AsRefStr, EnumString};

/// The query parameter that names a notice.
pub(super) const DONE: &str = "done";

/// What has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Notice {
    SignedOut,
    PasswordChanged,
    PasswordReset,
    ResetRequested,
    SessionEnded,
    SessionsEnded,
    KeyRenamed,
    KeyExtended,
    KeyRevoked,
    KeysRevoked,
    DomainCreated,
    DomainSaved,
    DomainDeleted,
    /// Saved, but not all of what was typed.
    DomainCleaned,
    UserChanged,
    CircuitControlled,
    VersionRestored,
    Imported,
    Created,
    Saved,
    /// Some HTML was removed from a rich text.
    SavedCleaned,
    Deprecated,
    Deleted,
}

impl Notice {
    /// Reads the notice that a query names.
    pub(super) fn from_query(query: &str) -> Option<Self> {
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        let named = parameters.find(|(name, _)| name == DONE);
        named.and_then(|(_, value)| Self::from_str(&value).ok())
    }

    /// Returns the path of a page that shows this notice.
    pub(super) fn on(self, path: &str) -> String {
        format!("{path}?{DONE}={}", self.as_ref())
    }

    /// Returns the message.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::SignedOut => "You are signed out.",
            Self::PasswordChanged => "The password is changed. All other sessions are ended.",
            Self::PasswordReset => {
                "The new password is set. All sessions are ended and all API keys revoked."
            }
            Self::ResetRequested => {
                "If an account exists for this address, an email was sent. Its token is valid for \
                 30 minutes."
            }
            Self::SessionEnded => "The session is ended.",
            Self::SessionsEnded => "All other sessions are ended.",
            Self::KeyRenamed => "The API key has its new name.",
            Self::KeyExtended => "The API key is extended.",
            Self::KeyRevoked => "The API key is revoked. It is refused from now on.",
            Self::KeysRevoked => "All your API keys are revoked. They are refused from now on.",
            Self::DomainCreated => "The business domain is created.",
            Self::DomainSaved => "The business domain is saved.",
            Self::DomainDeleted => "The business domain is deleted.",
            Self::DomainCleaned => {
                "The business domain is saved, without the parts of its description that are not \
                 allowed."
            }
            Self::CircuitControlled => "It is done, and in the audit log.",
            Self::UserChanged => "The user is changed.",
            Self::VersionRestored => "The version is restored.",
            Self::Imported => "The document is imported.",
            Self::Created => "The metric is created.",
            Self::Saved => "The metric is saved.",
            Self::SavedCleaned => "The metric is saved. HTML that is not allowed was removed.",
            Self::Deprecated => "The metric is deprecated.",
            Self::Deleted => "The metric is deleted. Its versions are kept.",
        }
    }
}
