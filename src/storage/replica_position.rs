//! How far a standby has followed the primary: the epoch of the catalogue, which is replicated with
//! the rows that it counts, and the position in the write-ahead log (WAL). Positions are bytes from
//! the start of the log.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

/// What a server has applied. What is read afterwards on the same connection has at least that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct ReplicaPosition {
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// None if the server is no standby.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub replayed: Option<i64>,
}

#[derive(QueryableByName)]
struct WrittenPosition {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// Reads what a standby has applied.
pub async fn get_replayed(conn: &mut AsyncPgConnection) -> Result<ReplicaPosition, StorageError> {
    let position = "SELECT epoch, CASE WHEN pg_is_in_recovery() \
                    THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END AS replayed \
                    FROM catalogue_epochs";
    Ok(diesel::sql_query(position).get_result(conn).await?)
}

/// Reads the end of the primary's log: all that was committed before is below it. It is the insert
/// position, because with `synchronous_commit=off` a commit is confirmed before it is written, and
/// would be above the write position, `pg_current_wal_lsn()`.
pub async fn get_written(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    let position = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS position";
    let row: WrittenPosition = diesel::sql_query(position).get_result(conn).await?;
    Ok(row.position)
}
