//! The catalogue as a whole: import in one transaction, export in batches, both without holding
//! more than a batch of it. `import` compares and writes, `record` writes the audit event; `export`
//! reads, `export_document` makes a document of what was read. `compare` only compares.

mod compare;
mod export;
mod export_document;
mod import;
mod record;

pub use self::compare::CatalogueComparison;
pub use self::export::{ExportBatch, ExportPosition, next_batch};
pub use self::export_document::{ExportDocument, ExportError, Exported};
pub use self::import::CatalogueImport;
pub use self::record::record_import;
use super::metrics::UnknownIds;
use super::{StorageError, Transaction};
use crate::model::catalogue::{CatalogueDraft, ImportTally};
use crate::model::versions::RevisionStamp;

/// Number of metrics that one statement of an import reads or writes. Each statement costs a round
/// trip, its triggers and a new epoch, so more are faster; the memory of a batch is bounded by the
/// reader (`app::commands::import`), that of a document in memory by `IMPORT_MAX_BYTES`.
pub const BATCH: usize = 500;

/// Imports a draft that is in memory, see [`CatalogueImport`].
pub async fn import(
    conn: &mut Transaction<'_>,
    draft: &CatalogueDraft,
    writer: Option<RevisionStamp<'_>>,
    unknown: UnknownIds,
) -> Result<ImportTally, StorageError> {
    let mut import = CatalogueImport::begin(conn, writer).await?;
    import.domains(conn, &draft.domains).await?;
    for batch in draft.metrics.chunks(BATCH) {
        import.metrics(conn, batch).await?;
    }
    import.finish(conn, unknown).await
}
