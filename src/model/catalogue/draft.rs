//! The items of a document as they are to be imported. Each is parsed by itself, so that an invalid
//! item does not hide the errors of the others.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::Value;

use super::document::{DocumentFormat, DocumentInput, DocumentSink, Section, read_document};
use crate::model::business_domains::BusinessDomain;
use crate::model::item_size::{MAX_ITEM_BYTES, json_length, too_large};
use crate::model::metrics::Metric;
use crate::model::parse::parse_showing;
use crate::model::patch::Patchable;
use crate::model::trusted::trusting;
use crate::model::violations::{MAX_SHOWN, Violation, Violations};
use crate::model::warnings::Warnings;

/// Maximum number of violations that are described for a whole document; for one item
/// [`MAX_SHOWN`].
const MAX_SHOWN_IN_DOCUMENT: usize = 1000;

/// A catalogue to be imported, all of it in memory.
#[derive(Debug, Default)]
pub struct CatalogueDraft {
    pub domains: Vec<DraftItem<BusinessDomain>>,
    pub metrics: Vec<DraftItem<Metric>>,
    /// What is removed from the rich texts of the items, with paths from the root of the document.
    pub warnings: Warnings,
}

/// One item of a draft.
#[derive(Debug)]
pub struct DraftItem<T> {
    /// The identifier, if the item has one.
    pub id: Option<String>,
    /// Boxed, so that a document of many invalid items takes little memory.
    pub parsed: Result<Box<T>, Violations>,
    /// Length of a valid item as JSON, in bytes.
    pub length: usize,
}

/// The number of violations of a document that are described so far, at most
/// `MAX_SHOWN_IN_DOCUMENT`.
#[derive(Debug, Default)]
pub struct ViolationBudget(usize);

impl ViolationBudget {
    /// Returns how many violations of the next item are described.
    fn left(&self) -> usize {
        MAX_SHOWN.min(MAX_SHOWN_IN_DOCUMENT.saturating_sub(self.0))
    }

    /// Returns the violations of a further item, shortened to what is left of the budget.
    pub fn take(&mut self, violations: Vec<Violation>) -> Violations {
        let violations = Violations::new(violations, self.left());
        self.0 = self.0.saturating_add(violations.shown.len());
        violations
    }
}

impl CatalogueDraft {
    /// Parses a document.
    ///
    /// # Errors
    /// Violations of the document as a whole; those of an item are kept with the item.
    pub fn parse(bytes: &[u8], format: DocumentFormat) -> Result<Self, Vec<Violation>> {
        let mut collected = Collected::default();
        read_document(DocumentInput::Bytes(bytes), format, &mut collected)?;
        let Collected { mut draft, parser } = collected;
        draft.warnings = parser.into_warnings();
        Ok(draft)
    }
}

#[derive(Default)]
struct Collected {
    draft: CatalogueDraft,
    parser: DraftParser,
}

impl DocumentSink for Collected {
    fn begin(&mut self, _: Section) -> bool {
        true
    }

    fn item(&mut self, section: Section, item: Value) -> ControlFlow<()> {
        match section {
            Section::Domains => self.draft.domains.push(self.parser.domain(item)),
            Section::Metrics => self.draft.metrics.push(self.parser.metric(item)),
        }
        ControlFlow::Continue(())
    }
}

/// Parses the items of one document. Of all of them it keeps the identifiers, because a repeated
/// one is an error of the later item: it would be unclear which of the two is stored.
#[derive(Debug, Default)]
pub struct DraftParser {
    domains: KnownItems,
    metrics: KnownItems,
    budget: ViolationBudget,
    warnings: Warnings,
}

#[derive(Debug, Default)]
struct KnownItems {
    ids: HashSet<String>,
    count: usize,
}

impl DraftParser {
    /// Parses the next item of `domains`.
    pub fn domain(&mut self, mut item: Value) -> DraftItem<BusinessDomain> {
        self.warnings.clean_item(&format!("domains[{}]", self.domains.count), &mut item);
        self.domains.parse(item, "domain_id", &mut self.budget)
    }

    /// Parses the next item of `metrics`.
    pub fn metric(&mut self, mut item: Value) -> DraftItem<Metric> {
        self.warnings.clean_item(&format!("metrics[{}]", self.metrics.count), &mut item);
        self.metrics.parse(item, "metric_id", &mut self.budget)
    }

    /// Returns what is removed from the rich texts of all items.
    pub fn into_warnings(self) -> Warnings {
        self.warnings
    }
}

impl KnownItems {
    fn parse<T: Patchable>(
        &mut self,
        item: Value,
        id_field: &str,
        budget: &mut ViolationBudget,
    ) -> DraftItem<T> {
        self.count = self.count.saturating_add(1);
        let id = item
            .get(id_field)
            .and_then(Value::as_str)
            .map(|id| Violation::printable_name(id.trim()));
        let repeated = id.as_ref().is_some_and(|id| !self.ids.insert(id.clone()));
        let parsed = if repeated {
            Err(vec![Violation::new(id_field, "must not occur twice in one document")])
        } else {
            parse_item(item, budget.left())
        };
        match parsed {
            Ok((item, length)) => DraftItem { id, parsed: Ok(Box::new(item)), length },
            Err(found) => DraftItem { id, parsed: Err(budget.take(found)), length: 0 },
        }
    }
}

/// Parses an item whose rich texts are clean; returns it with its length as JSON.
fn parse_item<T: Patchable>(item: Value, max_shown: usize) -> Result<(T, usize), Vec<Violation>> {
    let item: T = trusting(|| parse_showing(item, max_shown))?;
    let length = json_length(&item);
    if length > MAX_ITEM_BYTES { Err(vec![too_large()]) } else { Ok((item, length)) }
}
