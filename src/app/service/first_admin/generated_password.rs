//! The generated password of the first administrator, from its generation until it is known
//! whether it is in use: then it is announced or discarded, once.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use slog::Logger;

use crate::credentials::passwords;
use crate::embedded::write_private_file;

/// Holds the generated password where stderr is no terminal.
const FILE_NAME: &str = "first-admin-password";

/// How an attempt to create the administrator has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CreateOutcome {
    Created,
    /// There is an administrator that this attempt has not created.
    AdminExists,
    /// Not created, because of a conflict that the operator has to resolve.
    Refused,
    /// Failed; the transaction may have been committed all the same.
    Unknown,
}

/// What to do with a generated password after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextStep {
    Announce,
    Discard,
    /// The next attempt uses the same password.
    Keep,
}

/// A generated password that is not known to be in use yet.
#[derive(Debug)]
pub(super) struct GeneratedPassword {
    password: SecretString,
    /// Where it is written; `None` if it is shown on the terminal.
    file: Option<PathBuf>,
    /// Whether an attempt with this password has ended with an unknown outcome.
    uncertain: bool,
}

impl GeneratedPassword {
    /// Generates a password. Without a terminal it is written to a private file in `folder` before
    /// the user exists: an administrator whose password no one can read would be of no use.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn new(folder: &Path) -> Result<Self, std::io::Error> {
        let password = passwords::generate();
        let file = (!std::io::stderr().is_terminal()).then(|| folder.join(FILE_NAME));
        if let Some(file) = &file {
            let line = format!("{}\n", password.expose_secret());
            write_private_file(file, line.as_bytes()).map_err(|error| {
                std::io::Error::other(format!("DATA_DIR: {}: {error}", file.display()))
            })?;
        }
        Ok(Self { password, file, uncertain: false })
    }

    pub(super) fn password(&self) -> &SecretString {
        &self.password
    }

    /// Announces, discards or keeps the password. Returns it while it has to be kept.
    pub(super) fn settle(
        mut self,
        outcome: CreateOutcome,
        username: &str,
        logger: &Logger,
    ) -> Option<Self> {
        match next_step(outcome, self.uncertain) {
            NextStep::Announce => self.announce(username, logger),
            NextStep::Discard => {
                if let Some(file) = &self.file {
                    let _ = std::fs::remove_file(file);
                }
            }
            NextStep::Keep => {
                self.uncertain = true;
                return Some(self);
            }
        }
        None
    }

    fn announce(&self, username: &str, logger: &Logger) {
        if let Some(file) = &self.file {
            slog::warn!(logger,
                "administrator created; log in with the password in the file, change it, and \
                 delete the file";
                "username" => username, "file" => file.display().to_string());
        } else {
            slog::info!(logger, "administrator created"; "username" => username);
            show(username, &self.password);
        }
    }
}

/// Decides after an attempt. An administrator that exists after an uncertain attempt is the one of
/// that attempt, because no other process connects to an embedded database.
fn next_step(outcome: CreateOutcome, uncertain: bool) -> NextStep {
    match outcome {
        CreateOutcome::Created => NextStep::Announce,
        CreateOutcome::AdminExists if uncertain => NextStep::Announce,
        CreateOutcome::AdminExists | CreateOutcome::Refused => NextStep::Discard,
        CreateOutcome::Unknown => NextStep::Keep,
    }
}

/// Writes the password to stderr, which is a terminal.
fn show(username: &str, password: &SecretString) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "\n  First start. The administrator, shown this once:\n\n      \
         user name  {username}\n      password   {}\n",
        password.expose_secret()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_of_an_unknown_outcome_is_announced_once_the_administrator_exists() {
        assert_eq!(next_step(CreateOutcome::Unknown, false), NextStep::Keep);
        assert_eq!(next_step(CreateOutcome::AdminExists, true), NextStep::Announce);
    }

    #[test]
    fn password_is_discarded_unless_it_is_in_use() {
        assert_eq!(next_step(CreateOutcome::Created, false), NextStep::Announce);
        assert_eq!(next_step(CreateOutcome::AdminExists, false), NextStep::Discard);
        assert_eq!(next_step(CreateOutcome::Refused, false), NextStep::Discard);
    }

    #[test]
    fn same_password_is_used_again_after_an_unknown_outcome() {
        let generated =
            GeneratedPassword { password: "secret".into(), file: None, uncertain: false };
        let logger = Logger::root(slog::Discard, slog::o!());
        let kept = generated.settle(CreateOutcome::Unknown, "admin", &logger).expect("kept");
        assert_eq!(kept.password().expose_secret(), "secret");
        assert!(kept.settle(CreateOutcome::AdminExists, "admin", &logger).is_none());
    }

    #[test]
    fn file_of_a_discarded_password_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "secret").expect("written");
        let generated = GeneratedPassword {
            password: "secret".into(),
            file: Some(file.clone()),
            uncertain: false,
        };
        let logger = Logger::root(slog::Discard, slog::o!());
        assert!(generated.settle(CreateOutcome::Refused, "admin", &logger).is_none());
        assert!(!file.exists());
    }
}
