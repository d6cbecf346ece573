//! The version of a row that a change is meant for (`If-Match` and `If-None-Match`, RFC 9110,
//! sections 13.1.1 and 13.1.2).

use super::StorageError;

/// A condition on the version of a row, checked before the row is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    pub expected: ExpectedVersion,
    /// Checked after `expected` (RFC 9110, 13.2.2).
    pub excluded: ExcludedVersion,
}

/// Which version a row must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    Unspecified,
    /// A version is required, and the client sent none.
    Missing,
    /// The row must exist.
    Any,
    OneOf(Vec<String>),
}

/// Which version a row must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExcludedVersion {
    None,
    /// The row must not exist.
    Any,
    OneOf(Vec<String>),
}

impl Precondition {
    /// A change of whatever version the row has.
    pub fn none() -> Self {
        Self { expected: ExpectedVersion::Unspecified, excluded: ExcludedVersion::None }
    }

    /// Checks the present version of a row that the transaction has locked.
    ///
    /// # Errors
    /// [`StorageError::Stale`] or [`StorageError::Excluded`] with that version, or
    /// [`StorageError::VersionRequired`].
    pub fn check(&self, current: &str) -> Result<(), StorageError> {
        let is_current = |versions: &[String]| versions.iter().any(|version| version == current);
        match &self.expected {
            ExpectedVersion::Missing => return Err(StorageError::VersionRequired),
            ExpectedVersion::OneOf(versions) if !is_current(versions) => {
                return Err(StorageError::Stale(current.to_owned()));
            }
            _ => {}
        }
        match &self.excluded {
            ExcludedVersion::Any => Err(StorageError::Excluded(current.to_owned())),
            ExcludedVersion::OneOf(versions) if is_current(versions) => {
                Err(StorageError::Excluded(current.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Checks the condition for a row that does not exist, and had this version before it was
    /// deleted: a client that names a version expects it to exist (RFC 9110, 13.1.1).
    ///
    /// # Errors
    /// [`StorageError::Stale`] with that version.
    pub fn check_absent(&self, former: &str) -> Result<(), StorageError> {
        match self.expected {
            ExpectedVersion::Unspecified | ExpectedVersion::Missing => Ok(()),
            ExpectedVersion::Any | ExpectedVersion::OneOf(_) => {
                Err(StorageError::Stale(former.to_owned()))
            }
        }
    }

    /// Returns the versions that the client expects; none unless it names some.
    pub fn named(&self) -> &[String] {
        match &self.expected {
            ExpectedVersion::OneOf(versions) => versions,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn expecting(expected: ExpectedVersion) -> Precondition {
        Precondition { expected, excluded: ExcludedVersion::None }
    }

    fn excluding(excluded: ExcludedVersion) -> Precondition {
        Precondition { expected: ExpectedVersion::Unspecified, excluded }
    }

    #[test]
    fn only_an_expected_version_may_be_changed() {
        let one_of = |texts: &[&str]| expecting(ExpectedVersion::OneOf(versions(texts)));
        for kept in [
            expecting(ExpectedVersion::Unspecified),
            expecting(ExpectedVersion::Any),
            one_of(&["3"]),
            one_of(&["1", "3"]),
        ] {
            assert!(kept.check("3").is_ok(), "{kept:?}");
        }
        for stale in [one_of(&["2"]), one_of(&["30", "2"]), one_of(&[])] {
            let refused = stale.check("3");
            assert!(matches!(refused, Err(StorageError::Stale(current)) if current == "3"));
        }
        let missing = expecting(ExpectedVersion::Missing).check("3");
        assert!(matches!(missing, Err(StorageError::VersionRequired)));
    }

    #[test]
    fn excluded_version_may_not_be_changed() {
        let one_of = |texts: &[&str]| excluding(ExcludedVersion::OneOf(versions(texts)));
        for kept in [one_of(&["2"]), one_of(&[])] {
            assert!(kept.check("3").is_ok(), "{kept:?}");
        }
        for refused in [excluding(ExcludedVersion::Any), one_of(&["2", "3"])] {
            let refused = refused.check("3");
            assert!(matches!(refused, Err(StorageError::Excluded(current)) if current == "3"));
        }
        let both = Precondition {
            expected: ExpectedVersion::OneOf(versions(&["2"])),
            excluded: ExcludedVersion::Any,
        };
        assert!(matches!(both.check("3"), Err(StorageError::Stale(_))));
        assert!(excluding(ExcludedVersion::Any).check_absent("3").is_ok());
    }
}
