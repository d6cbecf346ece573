//! Which version of a row a change is meant for (`If-Match`, RFC 9110, 13.1.1).

use super::StorageError;

/// What must be true of a row's version before it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    None,
    /// Something must have been said, and was not.
    Missing,
    /// The row must exist.
    Exists,
    /// The row must have one of these versions.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Judges the version that a row has now, once the row is locked.
    ///
    /// # Errors
    /// [`StorageError::Stale`] with that version, or [`StorageError::VersionRequired`].
    pub fn check(&self, current: &str) -> Result<(), StorageError> {
        match self {
            Self::Missing => Err(StorageError::VersionRequired),
            Self::OneOf(versions) if !versions.iter().any(|version| version == current) => {
                Err(StorageError::Stale(current.to_owned()))
            }
            _ => Ok(()),
        }
    }
}
