//! What a change of a metric is: which fields it touched, and which version it leads to.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

use super::Metric;

/// The version of a metric that was never changed.
pub const FIRST_VERSION: &str = "1.0.0";
/// How many revisions `metadata.change_history` shows; `/history` has them all.
pub const HISTORY_SHOWN: usize = 20;

/// One revision of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// 1, 2, 3 … without gaps.
    pub revision: i32,
    /// The version it led to.
    pub version: String,
    /// When, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// User name of its author.
    pub changed_by: String,
    /// What was done.
    pub change_type: ChangeType,
    /// Paths of the fields that changed, e.g. `definition.formula`.
    pub fields_changed: Vec<String>,
    /// One sentence for people.
    pub changes_summary: String,
}

/// What was done to a metric.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ChangeType {
    /// It was created.
    Create,
    /// Some of its fields were changed.
    Update,
    /// It was deleted.
    Delete,
}

/// The difference between two states of a metric; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Paths of the fields that differ, sorted; sections are looked into, lists are taken as a
    /// whole.
    pub fields: Vec<String>,
}

impl Change {
    /// What `new` changes on `old`; `None` where they say the same.
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

    /// The version after this change: another formula, unit or category is another metric (major),
    /// another name, description, tier or domain is news (minor), anything else is a detail
    /// (patch).
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

    /// One sentence for people.
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
        // A metric is an object of texts and finite numbers; it cannot fail to be written.
        _ => Map::new(),
    }
}

/// Both values of every key that either side has; what one side lacks is null there.
fn pairs<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
) -> Vec<(&'a str, (&'a Value, &'a Value))> {
    let absent = &Value::Null;
    let gone =
        old.iter().map(|(key, value)| (key.as_str(), (value, new.get(key).unwrap_or(absent))));
    let come = new
        .iter()
        .filter(|(key, _)| !old.contains_key(*key))
        .map(|(key, value)| (key.as_str(), (absent, value)));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests;
