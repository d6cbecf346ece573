//! A permit and a connection, together for one call.

use std::sync::Arc;

use super::permit::Permit;
use super::pool::{self, Slot};
use super::verdict::{Kind, Verdict};
use crate::postgres::connection::Connector;

/// A connection in use. Dropped in mid-query it cancels the query on the server; the spoilt
/// connection is thrown away.
pub(super) struct Lease {
    connection: bb8::PooledConnection<'static, pool::Manager>,
    /// After the connection: its place is free only when the connection is.
    permit: Permit,
    /// Opens the connection on which a query is cancelled; none if the server has no second one
    /// (embedded).
    cancel: Option<Arc<Connector>>,
}

impl Lease {
    /// Marks the connection as in use.
    pub(super) fn new(
        mut connection: bb8::PooledConnection<'static, pool::Manager>,
        permit: Permit,
        cancel: Option<Arc<Connector>>,
    ) -> Self {
        connection.in_use = true;
        Self { connection, permit, cancel }
    }

    pub(super) fn slot(&mut self) -> &mut Slot {
        &mut self.connection
    }

    /// It went well: nothing is under way on the connection any more.
    pub(super) fn succeeded(&mut self) {
        self.permit.verdict(Verdict::Alive);
        self.connection.in_use = false;
    }

    /// The database answered with an error, or the way to it broke; then the connection is of no
    /// more use.
    pub(super) fn answered(&mut self, kind: Kind, error: &str) {
        match kind.verdict() {
            Verdict::Failure => self.permit.failed(error),
            verdict => self.permit.verdict(verdict),
        }
        self.connection.in_use = kind == Kind::Broken;
    }

    /// It did not answer in time.
    pub(super) fn timed_out(&mut self) {
        self.permit.failed("no answer in time");
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.connection.in_use || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if let Some(connector) = self.cancel.take() {
            let token = self.connection.connection.cancel_token();
            tokio::spawn(async move { connector.cancel(token).await });
        }
    }
}
