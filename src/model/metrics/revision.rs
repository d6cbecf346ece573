//! The change from one revision of a metric to the next: which fields differ between two
//! definitions, and which version follows. Equal instants and numbers never differ, however they
//! were written, because the types of the model have one canonical form of each. Past revisions
//! are in `history`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Metric;

/// The version of a new metric.
pub const FIRST_VERSION: &str = "1.0.0";
/// Number of revisions in `metadata.change_history`; `/history` has all.
pub const HISTORY_SHOWN: usize = 20;

/// The difference between two definitions of a metric; never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricDiff {
    /// The fields that differ, sorted by path. Sections are compared by field, lists as a whole.
    pub changes: Vec<FieldChange>,
}

/// A field with its values in two definitions; an absent value is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub path: String,
    pub old: Value,
    pub new: Value,
}

impl MetricDiff {
    /// Compares two definitions; returns `None` if they are equal. Only what differs is serialised.
    pub fn between(old: &Metric, new: &Metric) -> Option<Self> {
        // Naming all fields keeps a new one from being left out.
        let Metric {
            metric_id,
            name,
            short_name,
            description,
            category,
            tier,
            business_domain,
            metric_type,
            tags,
            alignment,
            definition,
            data,
            governance,
            dimensions,
            targets_and_alerts,
            visualization,
            relationships,
            operational_usage,
            metadata,
        } = old;
        let mut diff = Self::default();
        diff.compare("metric_id", metric_id, &new.metric_id);
        diff.compare("name", name, &new.name);
        diff.compare("short_name", short_name, &new.short_name);
        diff.compare("description", description, &new.description);
        diff.compare("category", category, &new.category);
        diff.compare("tier", tier, &new.tier);
        diff.compare("business_domain", business_domain, &new.business_domain);
        diff.compare("metric_type", metric_type, &new.metric_type);
        diff.compare("tags", tags, &new.tags);
        diff.compare("alignment", alignment, &new.alignment);
        diff.compare("definition", definition, &new.definition);
        diff.compare("data", data, &new.data);
        diff.compare("governance", governance, &new.governance);
        diff.compare("dimensions", dimensions, &new.dimensions);
        diff.compare("targets_and_alerts", targets_and_alerts, &new.targets_and_alerts);
        diff.compare("visualization", visualization, &new.visualization);
        diff.compare("relationships", relationships, &new.relationships);
        diff.compare("operational_usage", operational_usage, &new.operational_usage);
        diff.compare("metadata", metadata, &new.metadata);
        diff.changes.sort_by(|one, other| one.path.cmp(&other.path));
        (!diff.changes.is_empty()).then_some(diff)
    }

    fn compare<T: PartialEq + Serialize>(&mut self, field: &str, old: &T, new: &T) {
        if old == new {
            return;
        }
        match (value(old), value(new)) {
            (Value::Object(old), Value::Object(new)) => {
                let differ = pairs(old, new).into_iter().filter(|(_, (old, new))| old != new);
                self.changes.extend(differ.map(|(inner, (old, new))| FieldChange {
                    path: format!("{field}.{inner}"),
                    old,
                    new,
                }));
            }
            (old, new) if old != new => {
                self.changes.push(FieldChange { path: field.to_owned(), old, new });
            }
            _ => {}
        }
    }

    /// Returns the paths of the fields that differ.
    pub fn paths(&self) -> Vec<String> {
        self.changes.iter().map(|change| change.path.clone()).collect()
    }

    /// Whether a top-level field, or a field in it, differs.
    pub fn touches(&self, field: &str) -> bool {
        self.changes.iter().any(|change| {
            change
                .path
                .strip_prefix(field)
                .is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'.', ..]))
        })
    }

    /// Returns the version after this change: major for another formula, unit or category, minor
    /// for another name, description, tier or domain, patch for anything else.
    pub fn next_version(&self, version: &str) -> String {
        let mut parts = version.splitn(3, '.').map(|part| part.parse::<u64>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let (major, minor, patch) = (next(), next(), next());
        let any = |fields: &[&str]| fields.iter().any(|field| self.touches(field));
        if any(&["definition.formula", "definition.unit", "category"]) {
            format!("{}.0.0", major.saturating_add(1))
        } else if any(&["name", "description", "tier", "business_domain"]) {
            format!("{major}.{}.0", minor.saturating_add(1))
        } else {
            format!("{major}.{minor}.{}", patch.saturating_add(1))
        }
    }

    /// Returns one sentence about the change.
    pub fn summary(&self) -> String {
        let paths = self.changes.iter().take(5).map(|change| change.path.as_str());
        let named = paths.collect::<Vec<_>>().join(", ");
        match self.changes.len().saturating_sub(5) {
            0 => format!("Changed {named}"),
            more => format!("Changed {named} and {more} more"),
        }
    }
}

/// Returns which part of a version the next one raises: `major`, `minor` or `patch`.
pub fn raised_part(version: &str, next: &str) -> &'static str {
    let mut differ = version.split('.').zip(next.split('.')).map(|(old, new)| old != new);
    match (differ.next(), differ.next()) {
        (Some(true), _) => "major",
        (_, Some(true)) => "minor",
        _ => "patch",
    }
}

/// Returns the version with which a deleted metric is created again: no version is used twice.
pub fn next_major(version: &str) -> String {
    let major = version.split('.').next().and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
    format!("{}.0.0", major.saturating_add(1))
}

fn value<T: Serialize>(part: &T) -> Value {
    // Does not fail: a metric consists of texts and finite numbers.
    serde_json::to_value(part).unwrap_or_default()
}

/// Returns both values of every key that one of the objects has; a missing value is null.
fn pairs(old: Map<String, Value>, mut new: Map<String, Value>) -> Vec<(String, (Value, Value))> {
    let mut pairs = Vec::new();
    for (key, old) in old {
        let new = new.remove(&key).unwrap_or_default();
        pairs.push((key, (old, new)));
    }
    pairs.extend(new.into_iter().map(|(key, new)| (key, (Value::Null, new))));
    pairs
}

#[cfg(test)]
mod tests;
