//! The audit event of an import: counts, and the ids of what was created and updated.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::audit::Action;
use crate::model::catalogue::{ImportCounts, ItemOutcome, ItemReport};
use crate::storage::audit_events::{self, Actor};
use crate::storage::{StorageError, Transaction};

/// Maximum number of ids in one event. An id has at most 100 characters, so the event has at most
/// about 20 kB.
const MAX_IDS: usize = 200;

/// Records an import as one audit event, in the transaction of the import.
pub async fn record_import(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    items: &[ItemReport],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let details = ImportDetails::new(items);
    audit_events::record(conn, actor, Action::CatalogueImported, "catalogue", &details, now).await
}

#[derive(Serialize)]
struct ImportDetails<'a> {
    #[serde(flatten)]
    counts: ImportCounts,
    created_domains: Vec<&'a str>,
    created_metrics: Vec<&'a str>,
    updated_domains: Vec<&'a str>,
    updated_metrics: Vec<&'a str>,
    /// The number of created and updated items whose ids are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids_omitted: Option<usize>,
}

impl<'a> ImportDetails<'a> {
    fn new(items: &'a [ItemReport]) -> Self {
        let counts = ImportCounts::from_items(items);
        let changed = counts.created.saturating_add(counts.updated);
        let mut details = Self {
            counts,
            created_domains: Vec::new(),
            created_metrics: Vec::new(),
            updated_domains: Vec::new(),
            updated_metrics: Vec::new(),
            ids_omitted: Some(changed.saturating_sub(MAX_IDS)).filter(|omitted| *omitted > 0),
        };
        let is_changed = |item: &&ItemReport| {
            matches!(item.outcome, ItemOutcome::Created | ItemOutcome::Updated)
        };
        for item in items.iter().filter(is_changed).take(MAX_IDS) {
            let is_domain = item.path.starts_with("domains");
            let ids = match (is_domain, item.outcome == ItemOutcome::Created) {
                (true, true) => &mut details.created_domains,
                (false, true) => &mut details.created_metrics,
                (true, false) => &mut details.updated_domains,
                (false, false) => &mut details.updated_metrics,
            };
            ids.extend(item.id.as_deref());
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(path: &str, id: &str, outcome: ItemOutcome) -> ItemReport {
        let (path, id) = (path.to_owned(), Some(id.to_owned()));
        ItemReport { path, id, outcome, errors: Vec::new(), errors_omitted: 0 }
    }

    #[test]
    fn ids_of_created_and_updated_items_are_listed() {
        let items = [
            item("domains[0]", "d1", ItemOutcome::Created),
            item("domains[1]", "d2", ItemOutcome::Unchanged),
            item("metrics[0]", "m1", ItemOutcome::Updated),
        ];
        let expected = json!({
            "created": 1, "updated": 1, "unchanged": 1, "errors": 0,
            "created_domains": ["d1"], "created_metrics": [],
            "updated_domains": [], "updated_metrics": ["m1"],
        });
        assert_eq!(json!(ImportDetails::new(&items)), expected);
    }

    #[test]
    fn ids_beyond_the_maximum_are_counted() {
        let items = vec![item("metrics[0]", "m", ItemOutcome::Created); MAX_IDS + 3];
        let details = ImportDetails::new(&items);
        assert_eq!((details.created_metrics.len(), details.ids_omitted), (MAX_IDS, Some(3)));
    }
}
