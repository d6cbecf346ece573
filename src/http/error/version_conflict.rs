//! What a 412 tells a client, so that it can merge its change with that of the other writer.

use crate::model::versions::diff::VersionDiff;

/// The version that a change met, and what led to it.
#[derive(Clone, Debug)]
pub struct VersionConflict {
    /// The present version, or the last one before the item was deleted.
    pub current: String,
    /// Whether the client excluded this version (`If-None-Match`), rather than expect another one.
    pub is_excluded: bool,
    /// What has changed since the version that the client named; none if that is not known.
    pub diff: Option<VersionDiff>,
}

impl VersionConflict {
    /// Describes a conflict whose difference is not known yet.
    pub fn new(current: String, is_excluded: bool) -> Box<Self> {
        Box::new(Self { current, is_excluded, diff: None })
    }

    pub(super) fn message(&self) -> &'static str {
        if self.is_excluded {
            "The resource exists in a version that If-None-Match excludes"
        } else {
            "The resource has another version; read it again"
        }
    }
}
