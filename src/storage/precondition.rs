//! The version of a row that a change is meant for (`If-Match`, RFC 9110 section 13.1.1).

use super::StorageError;

/// A condition on the version of a row, checked before the row is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    None,
    /// A version is required, and the client sent none.
    Missing,
    /// The row must exist.
    Exists,
    /// The row must have one of these versions.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Checks the present version of a row that the transaction has locked.
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
