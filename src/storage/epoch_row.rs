//! The row of a counter: its epoch, and who wrote it.

use diesel::expression::SqlLiteral;
use diesel::sql_types::BigInt;

/// A row of `authority_epochs` or `catalogue_epochs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, diesel::Queryable)]
pub struct EpochRow {
    pub epoch: i64,
    /// The id of the transaction that wrote the row (`xmin`): another one after a restore, even if
    /// the epoch is the same.
    pub transaction: i64,
}

/// Selects the id of the transaction that wrote a row.
pub(super) fn transaction() -> SqlLiteral<BigInt> {
    diesel::dsl::sql::<BigInt>("xmin::text::bigint")
}
