//! The change from one revision of a metric to the next: which fields differ between two
//! definitions, and which version follows. Equal instants and numbers never differ, however they
//! were written, because the types of the model have one canonical form of each. Past revisions
//! are in `history`.

use serde_json::{Map, Value};

use super::Metric;

/// The version of a new metric.
pub const FIRST_VERSION: &str = "1.0.0";
/// Number of revisions in `metadata.change_history`; `/history` has all.
pub const HISTORY_SHOWN: usize = 20;

/// The difference between two definitions of a metric; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricDiff {
    /// Paths of the fields that differ, sorted. Sections are compared by field, lists as a whole.
    pub fields: Vec<String>,
}

impl MetricDiff {
    /// Compares two definitions; returns `None` if they are equal.
    pub fn between(old: &Metric, new: &Metric) -> Option<Self> {
        let mut fields = Vec::new();
        for (key, (old, new)) in pairs(&object(old), &object(new)) {
            match (old, new) {
                (Value::Object(old), Value::Object(new)) => {
                    fields.extend(
                        pairs(old, new)
                            .into_iter()
                            .filter(|(_, (old, new))| old != new)
                            .map(|(inner, _)| format!("{key}.{inner}")),
                    );
                }
                (old, new) if old != new => fields.push(key.to_owned()),
                _ => {}
            }
        }
        fields.sort();
        (!fields.is_empty()).then_some(Self { fields })
    }

    /// Returns the version after this change: major for another formula, unit or category, minor
    /// for another name, description, tier or domain, patch for anything else.
    pub fn next_version(&self, version: &str) -> String {
        let touches =
            |paths: &[&str]| self.fields.iter().any(|field| paths.contains(&field.as_str()));
        let mut parts = version.splitn(3, '.').map(|part| part.parse::<u64>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let (major, minor, patch) = (next(), next(), next());
        if touches(&["definition.formula", "definition.unit", "category"]) {
            format!("{}.0.0", major.saturating_add(1))
        } else if touches(&["name", "description", "tier", "business_domain"]) {
            format!("{major}.{}.0", minor.saturating_add(1))
        } else {
            format!("{major}.{minor}.{}", patch.saturating_add(1))
        }
    }

    /// Returns one sentence about the change.
    pub fn summary(&self) -> String {
        let named = self.fields.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.fields.len().saturating_sub(5) {
            0 => format!("Changed {named}"),
            more => format!("Changed {named} and {more} more"),
        }
    }
}

fn object(metric: &Metric) -> Map<String, Value> {
    match serde_json::to_value(metric) {
        Ok(Value::Object(map)) => map,
        // Not reached: a metric consists of texts and finite numbers.
        _ => Map::new(),
    }
}

/// Returns both values of every key that one of the objects has; a missing value is null.
fn pairs<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
) -> Vec<(&'a str, (&'a Value, &'a Value))> {
    let absent = &Value::Null;
    let kept =
        old.iter().map(|(key, value)| (key.as_str(), (value, new.get(key).unwrap_or(absent))));
    let added = new
        .iter()
        .filter(|(key, _)| !old.contains_key(*key))
        .map(|(key, value)| (key.as_str(), (absent, value)));
    kept.chain(added).collect()
}

#[cfg(test)]
mod tests;
