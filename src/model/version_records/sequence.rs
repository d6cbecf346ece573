//! What the changes of one item in a file of versions must be like, one after the other.

use super::VersionRecord;
use crate::model::changes::ItemKind;
use crate::model::metrics::history::ChangeType;

/// The largest version of a domain, which is a 32-bit integer in the database.
const MAX_DOMAIN_VERSION: u64 = 2_147_483_647;

/// The last change of an item.
#[derive(Debug)]
pub(super) struct LastChange {
    revision: i32,
    version: (u64, u64, u64),
    has_content: bool,
    is_deletion: bool,
    pub(super) is_present: bool,
}

impl LastChange {
    /// Creates the last change of an item, whose version is `number`.
    pub(super) fn new(record: &VersionRecord, number: (u64, u64, u64)) -> Self {
        Self {
            revision: record.revision,
            version: number,
            has_content: record.content.is_some(),
            is_deletion: record.change_type == ChangeType::Delete,
            is_present: record.present,
        }
    }

    /// Whether the content of this version was not kept.
    pub(super) fn lacks_content(&self) -> bool {
        !self.has_content && !self.is_deletion
    }

    /// Returns the fields that are wrong, and why. `former` is the change before this one.
    pub(super) fn violations(
        &self,
        record: &VersionRecord,
        former: Option<&Self>,
    ) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        if self.is_deletion && (self.has_content || self.is_present) {
            found.push(("content", "must be absent, because the change is a deletion"));
        } else if self.is_present && !self.has_content {
            found.push(("content", "is required of a present version"));
        }
        if record.revision < 1 {
            found.push(("revision", "must be at least 1"));
        }
        let Some(former) = former else { return found };
        if former.is_present {
            found.push(("", "must not follow the present version of the item"));
        }
        if self.revision <= former.revision {
            found.push(("revision", "must be greater than that of the change before it"));
        }
        let is_ended = self.is_deletion && self.version == former.version;
        if self.version <= former.version && !is_ended {
            found.push(("version", "must be greater than that of the change before it"));
        }
        found
    }
}

/// Returns the parts of a version; none if it is no version of this kind of item.
pub(super) fn version_number(kind: ItemKind, version: &str) -> Option<(u64, u64, u64)> {
    let is_plain = |part: &str| part == "0" || !part.starts_with('0');
    let number = |part: &str| -> Option<u64> {
        let is_number = part.bytes().all(|b| b.is_ascii_digit()) && is_plain(part);
        is_number.then(|| part.parse().ok()).flatten()
    };
    match kind {
        ItemKind::Metric => {
            let mut parts = version.split('.').map(number);
            let found = (parts.next()??, parts.next()??, parts.next()??);
            parts.next().is_none().then_some(found)
        }
        ItemKind::Domain => {
            let number =
                number(version).filter(|number| (1..=MAX_DOMAIN_VERSION).contains(number))?;
            Some((number, 0, 0))
        }
    }
}
