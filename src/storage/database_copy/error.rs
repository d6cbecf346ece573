//! Why a database was not copied: the target cannot be filled, or one of both failed.

use crate::storage::StorageError;

/// Why a database was not copied. The target is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the target has rows in {0}; it must be empty")]
    NotEmpty(String),
    #[error("the table {0} has other columns in the target")]
    OtherColumns(String),
    #[error("this role does not own {0} in the target; connect as the owner of the schema")]
    NotOwner(String),
    #[error("{table} has {read} rows, but {written} with other values arrived")]
    Different { table: String, read: u64, written: u64 },
    #[error("failed to read the source")]
    Source(#[source] StorageError),
    #[error("failed to write the target")]
    Target(#[source] StorageError),
}
