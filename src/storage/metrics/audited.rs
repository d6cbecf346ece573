//! The changed fields of a metric with their values, for the audit log.

use crate::model::audit::Changes;
use crate::model::metrics::revision::MetricDiff;

/// Returns the versions and the changed fields, for the audit log.
pub(super) fn audited_changes(
    diff: &MetricDiff,
    (old_version, new_version): (&str, &str),
) -> Changes {
    let mut changes = Changes::version(Some(old_version), Some(new_version));
    for change in &diff.changes {
        changes.value(&change.path, &change.old, &change.new);
    }
    changes
}
