//! A catalogue as a document, for import and export. `document` reads documents item by item,
//! `draft` says what their items are, `lines` where in the text they are, `writer` writes them,
//! `examples` has one of each, `report` and `tally` say what an import did, and `difference` what a
//! comparison found.
//! `storage::catalogue` is between them and the database.

mod difference;
mod document;
mod draft;
mod examples;
mod lines;
mod report;
mod tally;
mod writer;
mod yaml;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::difference::{DifferenceCounts, DifferenceKind, ItemDifference};
pub use self::document::{
    DocumentFormat, DocumentInput, DocumentSink, MAX_ITEMS, Section, read_document,
};
pub use self::draft::{CatalogueDraft, DraftItem, DraftParser, ViolationBudget};
pub use self::examples::{Example, ExampleBody, ExampleDetail, ExampleKind, example};
pub use self::lines::lines_of;
pub use self::report::{ImportCounts, ImportReport, ItemOutcome, ItemReport};
pub use self::tally::ImportTally;
pub use self::writer::DocumentWriter;
use super::business_domains::BusinessDomain;
use super::metrics::Metric;

/// All domains and metrics; domains come first, because metrics refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Catalogue {
    #[schema(required = false)]
    pub domains: Vec<BusinessDomain>,
    #[schema(required = false)]
    pub metrics: Vec<Metric>,
}

#[cfg(test)]
mod tests;
