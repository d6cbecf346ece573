//! The audit event of an import: counts, and the ids of what was created and updated.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::audit::Action;
use crate::model::catalogue::{ImportCounts, ImportTally, ItemOutcome};
use crate::storage::audit_events::{self, Actor};
use crate::storage::{StorageError, Transaction};

/// Records an import as one audit event, in the transaction of the import.
pub async fn record_import(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    tally: &ImportTally,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let details = ImportDetails::new(tally);
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
    fn new(tally: &'a ImportTally) -> Self {
        let (counts, changed) = (tally.counts(), tally.changed());
        let all = counts.created.saturating_add(counts.updated);
        let mut details = Self {
            counts,
            created_domains: Vec::new(),
            created_metrics: Vec::new(),
            updated_domains: Vec::new(),
            updated_metrics: Vec::new(),
            ids_omitted: Some(all.saturating_sub(changed.len())).filter(|omitted| *omitted > 0),
        };
        for item in changed {
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
    use crate::model::catalogue::ItemReport;

    fn tally<'a>(items: impl IntoIterator<Item = (&'a str, &'a str, ItemOutcome)>) -> ImportTally {
        let mut tally = ImportTally::default();
        for (path, id, outcome) in items {
            let (path, id) = (path.to_owned(), Some(id.to_owned()));
            tally.add(ItemReport { path, id, outcome, errors: Vec::new(), errors_omitted: 0 });
        }
        tally
    }

    #[test]
    fn ids_of_created_and_updated_items_are_listed() {
        let tally = tally([
            ("domains[0]", "d1", ItemOutcome::Created),
            ("domains[1]", "d2", ItemOutcome::Unchanged),
            ("metrics[0]", "m1", ItemOutcome::Updated),
        ]);
        let expected = json!({
            "created": 1, "updated": 1, "unchanged": 1, "errors": 0,
            "created_domains": ["d1"], "created_metrics": [],
            "updated_domains": [], "updated_metrics": ["m1"],
        });
        assert_eq!(json!(ImportDetails::new(&tally)), expected);
    }

    #[test]
    fn ids_beyond_the_maximum_are_counted() {
        let tally = tally(vec![("metrics[0]", "m", ItemOutcome::Created); 203]);
        let details = ImportDetails::new(&tally);
        assert_eq!((details.created_metrics.len(), details.ids_omitted), (200, Some(3)));
    }
}
