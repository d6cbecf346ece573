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

impl Precondition {
    /// Checks the condition for a row that does not exist, and had this version before it was
    /// deleted: a client that names a version expects it to exist (RFC 9110, 13.1.1).
    ///
    /// # Errors
    /// [`StorageError::Stale`] with that version.
    pub fn check_absent(&self, former: &str) -> Result<(), StorageError> {
        match self {
            Self::None | Self::Missing => Ok(()),
            Self::Exists | Self::OneOf(_) => Err(StorageError::Stale(former.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listed_version_may_be_changed() {
        let versions = |texts: &[&str]| {
            Precondition::OneOf(texts.iter().map(|text| (*text).to_owned()).collect())
        };
        assert!(Precondition::None.check("3").is_ok() && Precondition::Exists.check("3").is_ok());
        assert!(versions(&["3"]).check("3").is_ok() && versions(&["1", "3"]).check("3").is_ok());
        for stale in [versions(&["2"]), versions(&["30", "2"]), versions(&[])] {
            let refused = stale.check("3");
            assert!(matches!(refused, Err(StorageError::Stale(current)) if current == "3"));
        }
        let missing = Precondition::Missing.check("3");
        assert!(matches!(missing, Err(StorageError::VersionRequired)));
    }
}
