//! The changed fields of a metric with their values, for the audit log.

use serde_json::{Value, json};

use crate::model::audit::Changes;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::MetricDiff;

/// Returns the versions and the changed fields, for the audit log.
pub(super) fn audited_changes(
    diff: &MetricDiff,
    (old, new): (&Metric, &Metric),
    (old_version, new_version): (&str, &str),
) -> Changes {
    let (old, new) = (json!(old), json!(new));
    let mut changes = Changes::version(Some(old_version), Some(new_version));
    for path in &diff.fields {
        changes.value(path, &value_at(&old, path), &value_at(&new, path));
    }
    changes
}

/// Returns the value of a top-level field, or of a field in a section (`definition.formula`).
fn value_at(metric: &Value, path: &str) -> Value {
    let value = match path.split_once('.') {
        None => metric.get(path),
        Some((section, field)) => metric.get(section).and_then(|section| section.get(field)),
    };
    value.cloned().unwrap_or_default()
}
