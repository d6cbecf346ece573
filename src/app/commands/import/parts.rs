//! Divides a catalogue into parts, each a document of its own that a service accepts: domains
//! first, then metrics, in the order of the document.

use std::collections::BTreeSet;

use super::known_domains::KnownDomains;
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{ImportCounts, ImportReport, ItemOutcome, ItemReport};
use crate::model::metrics::Metric;
use crate::model::violations::Violation;

/// The domains that a part contains beside its own items.
#[derive(Clone, Copy, Debug)]
pub(super) enum Context<'a> {
    /// None: those of the parts before are stored.
    Stored,
    /// All of the document, so that each part is judged as the whole: a metric may name a domain
    /// only by its new name. The first part reports about them.
    All(&'a KnownDomains),
    /// Those that its metrics name, because there is no room for all.
    Named(&'a KnownDomains),
}

/// Some items of a document.
#[derive(Debug)]
pub(super) struct ImportPart<'a> {
    context: Context<'a>,
    is_first: bool,
    domains: Vec<String>,
    metrics: Vec<String>,
    /// Names of the domains in this part, and of those that its metrics refer to.
    own_names: BTreeSet<String>,
    referred_names: BTreeSet<String>,
    /// Positions in the document of the first domain and the first metric.
    first: (usize, usize),
    length: usize,
}

impl<'a> ImportPart<'a> {
    /// Returns the first part of a document, empty.
    pub(super) fn new(context: Context<'a>) -> Self {
        Self {
            context,
            is_first: true,
            domains: Vec::new(),
            metrics: Vec::new(),
            own_names: BTreeSet::new(),
            referred_names: BTreeSet::new(),
            first: (0, 0),
            length: if let Context::All(known) = context { known.length() } else { 0 },
        }
    }

    /// Returns the number of items.
    pub(super) fn count(&self) -> usize {
        self.domains.len().saturating_add(self.metrics.len())
    }

    /// Returns an empty part that follows this one in the document.
    pub(super) fn next(&self) -> Self {
        let first = (
            self.first.0.saturating_add(self.domains.len()),
            self.first.1.saturating_add(self.metrics.len()),
        );
        Self { first, is_first: false, ..Self::new(self.context) }
    }

    /// Whether an item of this length makes the part longer than `limit` bytes.
    pub(super) fn is_full(&self, text: &str, limit: usize) -> bool {
        self.count() > 0 && self.length.saturating_add(text.len()) > limit
    }

    /// Whether domains are items of this part, rather than part of its context.
    pub(super) fn takes_domains(&self) -> bool {
        !matches!(self.context, Context::All(_))
    }

    /// Adds a domain and its JSON text.
    pub(super) fn add_domain(&mut self, domain: &BusinessDomain, text: String) {
        self.length = self.length.saturating_add(text.len()).saturating_add(1);
        self.own_names.insert(domain.name.as_str().to_owned());
        self.domains.push(text);
    }

    /// Adds a metric and its JSON text.
    pub(super) fn add_metric(&mut self, metric: &Metric, text: String) {
        self.length = self.length.saturating_add(text.len()).saturating_add(1);
        let name = metric.business_domain.as_str();
        if let Context::Named(known) = self.context
            && let Some(domain) = known.get(name)
            && self.referred_names.insert(name.to_owned())
        {
            self.length = self.length.saturating_add(domain.len()).saturating_add(1);
        }
        self.metrics.push(text);
    }

    /// Returns the part as a document, with the domains of its context.
    pub(super) fn document(&self) -> String {
        let mut domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
        match self.context {
            Context::Stored => {}
            Context::All(known) => domains.extend(known.texts().iter().map(String::as_str)),
            Context::Named(known) => {
                let further = self.referred_names.difference(&self.own_names);
                domains.extend(further.filter_map(|name| known.get(name)));
            }
        }
        format!("{{\"domains\":[{}],\"metrics\":[{}]}}", domains.join(","), self.metrics.join(","))
    }

    /// Adds the report about this part to that of the whole document, of which it keeps the items
    /// with errors.
    pub(super) fn add_report(&self, report: ImportReport, whole: &mut ImportReport) {
        let mut counts = report.counts;
        for item in report.items {
            let Some(path) = self.position(&item.path) else {
                // A domain of another part.
                subtract(&mut counts, item.outcome);
                continue;
            };
            if item.outcome == ItemOutcome::Error {
                let shift = |error: Violation| Violation {
                    field: error.field.replacen(&item.path, &path, 1),
                    ..error
                };
                let errors = item.errors.into_iter().map(shift).collect();
                whole.items.push(ItemReport { path, errors, ..item });
            }
        }
        whole.counts.created = whole.counts.created.saturating_add(counts.created);
        whole.counts.updated = whole.counts.updated.saturating_add(counts.updated);
        whole.counts.unchanged = whole.counts.unchanged.saturating_add(counts.unchanged);
        whole.counts.errors = whole.counts.errors.saturating_add(counts.errors);
    }

    /// Returns the path in the document of an item of this part; none if it belongs to another.
    pub(super) fn position(&self, path: &str) -> Option<String> {
        let (list, index) = path.strip_suffix(']')?.split_once('[')?;
        let index: usize = index.parse().ok()?;
        let first = match list {
            "domains" if index < self.domains.len() => self.first.0,
            "domains" if self.is_first && !self.takes_domains() => 0,
            "metrics" => self.first.1,
            _ => return None,
        };
        Some(format!("{list}[{}]", first.saturating_add(index)))
    }

    /// Returns a violation with its path in the document.
    pub(super) fn located(&self, violation: Violation) -> Violation {
        let end = violation.field.find(']').map_or(0, |end| end.saturating_add(1));
        let (item, rest) = violation.field.split_at(end);
        let Some(position) = self.position(item) else { return violation };
        Violation { field: format!("{position}{rest}"), ..violation }
    }
}

fn subtract(counts: &mut ImportCounts, outcome: ItemOutcome) {
    let count = match outcome {
        ItemOutcome::Created => &mut counts.created,
        ItemOutcome::Updated => &mut counts.updated,
        ItemOutcome::Unchanged => &mut counts.unchanged,
        ItemOutcome::Error => &mut counts.errors,
    };
    *count = count.saturating_sub(1);
}
