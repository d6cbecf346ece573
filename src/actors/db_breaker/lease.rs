//! The permit and the connection of one call.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;

use super::failure_cause::FailureCause;
use super::permit::Permit;
use super::pool;
use super::verdict::{ErrorKind, Verdict};
use crate::postgres::connection::Connector;
use crate::postgres::server_error::RecentErrors;
use crate::storage::StorageError;
use crate::telemetry::error_chain;

/// A connection in use. Dropped during a query it cancels the query on the server, and the pool
/// discards the connection; its socket is closed when the query has ended.
pub(super) struct Lease {
    connection: bb8::PooledConnection<'static, pool::ConnectionManager>,
    /// Dropped after the connection: the permit is released only when the connection is.
    permit: Permit,
    /// Opens the connection on which a query is cancelled; none if the server has no second one
    /// (embedded).
    cancel: Option<Arc<Connector>>,
}

impl Lease {
    /// Combines both and marks the connection as in use.
    pub(super) fn new(
        mut connection: bb8::PooledConnection<'static, pool::ConnectionManager>,
        permit: Permit,
        cancel: Option<Arc<Connector>>,
    ) -> Self {
        connection.in_use = true;
        Self { connection, permit, cancel }
    }

    pub(super) fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection.connection
    }

    /// Returns the last errors of the connection, with their SQLSTATE.
    pub(super) fn errors(&self) -> &RecentErrors {
        self.connection.connection.errors()
    }

    /// The query succeeded, and nothing runs on the connection any more.
    pub(super) fn mark_succeeded(&mut self, took: Duration) {
        self.permit.set_answered(took);
        self.connection.in_use = false;
    }

    /// The query failed. The connection is kept unless it is lost.
    pub(super) fn mark_failed(&mut self, kind: ErrorKind, error: &StorageError, took: Duration) {
        match kind.verdict() {
            Verdict::Failure(cause) => self.permit.set_failure(cause, &error_chain(error)),
            Verdict::Alive => self.permit.set_answered(took),
            Verdict::Neutral => self.permit.set_neutral(),
        }
        self.connection.in_use = kind.ends_connection();
        if kind == ErrorKind::ReadOnly {
            // After a failover all connections lead to a server that is not the primary any more.
            self.connection.retire_generation();
        }
    }

    /// The query waited for another change of the catalogue until the server ended it.
    pub(super) fn mark_waited(&mut self) {
        self.permit.set_neutral();
        self.connection.in_use = false;
    }

    /// The call ended within a transaction; the connection is discarded.
    pub(super) fn mark_in_transaction(&mut self) {
        self.connection.in_use = true;
    }

    /// The query waits for another change of the catalogue and has exceeded its deadline, after a
    /// wait that was shorter than the server permits.
    pub(super) fn mark_waiting(&mut self) {
        self.permit.set_neutral();
    }

    /// The query exceeded its deadline and may still run on the server.
    pub(super) fn mark_timed_out(&mut self) {
        self.permit.set_failure(FailureCause::Deadline, "timed out");
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.connection.in_use || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if let Some(connector) = self.cancel.take() {
            let token = self.connection.connection.take_cancel_token();
            tokio::spawn(async move { connector.cancel(token).await });
        }
    }
}
