//! What an import has done so far. It takes the report of each item, and keeps of them what the
//! report, the error and the audit event show, so that its size does not grow with the document.

use super::report::{ImportCounts, ImportReport, ItemOutcome, ItemReport};
use crate::model::violations::{MAX_COUNTED, MAX_SHOWN, Violation};

/// Maximum length of the items of a report, in bytes of JSON: once for items with errors, and once
/// for the others.
const MAX_REPORT: usize = 512 * 1024;
/// Maximum number of changed items whose ids are kept. An id has at most 100 characters, so an
/// audit event has at most about 20 kB.
const MAX_CHANGED: usize = 200;

/// The reports of the items so far, as far as they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportTally {
    counts: ImportCounts,
    /// As many as fit into a report, in the order of the document.
    items: Vec<ItemReport>,
    items_omitted: usize,
    /// Length of the items with errors, and of the others.
    lengths: (usize, usize),
    violations: Vec<Violation>,
    violation_count: usize,
    changed: Vec<ItemReport>,
    /// Positions of the created metrics in the document.
    created_metrics: Vec<usize>,
}

impl ImportTally {
    /// Adds the report of the next item.
    pub fn add(&mut self, item: ItemReport) {
        self.counts.add(item.outcome);
        self.note_violations(&item);
        let is_changed = matches!(item.outcome, ItemOutcome::Created | ItemOutcome::Updated);
        if is_changed && self.changed.len() < MAX_CHANGED {
            self.changed.push(item.clone());
        }
        let (with_errors, others) = &mut self.lengths;
        let length = if item.outcome == ItemOutcome::Error { with_errors } else { others };
        *length = length.saturating_add(item.json_length());
        if *length <= MAX_REPORT {
            self.items.push(item);
        } else {
            self.items_omitted = self.items_omitted.saturating_add(1);
        }
    }

    /// Replaces the report of an item that was added as `former` and turned out to have errors.
    pub fn refuse(&mut self, item: ItemReport, former: ItemOutcome) {
        self.counts.remove(former);
        let position = self.items.iter().position(|known| known.path == item.path);
        if let Some(known) = position.and_then(|at| self.items.get_mut(at)) {
            self.counts.add(item.outcome);
            known.clone_from(&item);
            self.note_violations(&item);
        } else {
            self.add(item);
            // It was counted as omitted before.
            self.items_omitted = self.items_omitted.saturating_sub(1);
        }
    }

    fn note_violations(&mut self, item: &ItemReport) {
        let found = item.errors.len().saturating_add(item.errors_omitted);
        self.violation_count = self.violation_count.saturating_add(found);
        let room = MAX_SHOWN.saturating_sub(self.violations.len());
        self.violations.extend(item.errors.iter().take(room).cloned());
    }

    /// Notes that the metric at this position was created.
    pub fn add_created_metric(&mut self, position: usize) {
        self.created_metrics.push(position);
    }

    /// Returns the number of items by outcome.
    pub fn counts(&self) -> ImportCounts {
        self.counts
    }

    /// Returns the first created and updated items; the counts say how many there are.
    pub fn changed(&self) -> &[ItemReport] {
        &self.changed
    }

    /// Returns the positions of the created metrics in the document.
    pub fn created_metrics(&self) -> &[usize] {
        &self.created_metrics
    }

    /// Returns the violations of all items: the first with their texts, the others empty as from
    /// [`validate`](crate::model::violations::validate).
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = self.violations.clone();
        found.resize(self.violation_count.min(MAX_COUNTED), Violation::new("", ""));
        found
    }

    /// Makes the report of the import.
    pub fn into_report(self, dry_run: bool) -> ImportReport {
        let Self { counts, items, items_omitted, .. } = self;
        ImportReport { dry_run, counts, items, items_omitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(outcome: ItemOutcome, id: usize) -> ItemReport {
        let violation = Violation::new("x", "is wrong");
        let errors = if outcome == ItemOutcome::Error { vec![violation] } else { Vec::new() };
        let (path, id) = (format!("metrics[{id}]"), Some(format!("m{id}")));
        ItemReport { path, id, outcome, errors, errors_omitted: 0 }
    }

    #[test]
    fn refused_item_replaces_its_report() {
        let mut tally = ImportTally::default();
        for id in 0..20_000 {
            tally.add(item(ItemOutcome::Created, id));
        }
        let omitted = tally.items_omitted;
        for (refused, id) in [(1, 1), (2, 19_999)] {
            tally.refuse(item(ItemOutcome::Error, id), ItemOutcome::Created);
            assert_eq!((tally.counts.created, tally.counts.errors), (20_000 - refused, refused));
            assert_eq!(tally.violations().len(), refused);
        }
        let report = tally.into_report(true);
        assert_eq!(report.items.len() + report.items_omitted, 20_000);
        assert_eq!(report.items_omitted, omitted - 1);
        assert_eq!((&*report.items[1].path, report.items[1].errors.len()), ("metrics[1]", 1));
        assert_eq!(report.items[2].outcome, ItemOutcome::Created);
    }

    #[test]
    fn everything_is_counted_and_the_first_items_are_kept() {
        let mut tally = ImportTally::default();
        for id in 0..20_000 {
            tally.add(item(ItemOutcome::Created, id));
            tally.add(item(ItemOutcome::Error, id));
        }
        assert_eq!((tally.counts().created, tally.counts().errors), (20_000, 20_000));
        let violations = tally.violations();
        assert_eq!(violations.len(), 20_000);
        assert!(!violations[MAX_SHOWN - 1].message.is_empty());
        assert!(violations[MAX_SHOWN].message.is_empty());
        assert_eq!(tally.changed().len(), MAX_CHANGED);
        let mut created = ImportTally::default();
        for id in 0..20_000 {
            created.add(item(ItemOutcome::Created, id));
        }
        // The response to an import with an idempotency key is stored.
        let stored = serde_json::to_string(&created.into_report(false)).unwrap();
        assert!((MAX_REPORT / 4..MAX_REPORT).contains(&stored.len()), "{}", stored.len());
        let report = tally.into_report(true);
        assert_eq!(report.items.len() + report.items_omitted, 40_000);
        let shown = |outcome| report.items.iter().filter(|item| item.outcome == outcome).count();
        assert!(shown(ItemOutcome::Created) > 1_000 && shown(ItemOutcome::Error) > 1_000);
    }
}
