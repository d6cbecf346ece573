//! How a call gets a permit and a connection, and what limits that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::DbBreakerHandle;
use crate::actors::db_breaker::circuit::Circuit;
use crate::actors::db_breaker::error::DbError;
use crate::actors::db_breaker::failure_cause::FailureCause;
use crate::actors::db_breaker::lease::Lease;
use crate::actors::db_breaker::messages::Checkout;
use crate::actors::db_breaker::permit::Permit;
use crate::actors::db_breaker::pool;
use crate::actors::db_breaker::shares::{Share, Turn};
use crate::postgres::connect_error::is_connection_limit;
use crate::postgres::connection::ServerLimits;

/// For the log, if the driver says nothing.
const NO_CONNECTION: &str = "no connection was opened in time";

impl DbBreakerHandle {
    /// Waits until it is the call's turn to take a connection of its share. The time limit of the
    /// call itself begins after that.
    pub(in crate::actors::db_breaker) async fn take_turn(
        &self,
        share: Share,
        circuit: Circuit,
        operation: &'static str,
    ) -> Result<Turn, DbError> {
        self.ensure_permitted(circuit)?;
        let _waiter = Waiter::new(&self.waiting);
        // Here a writer waits for those that it would otherwise wait for in the database.
        let wait = match share {
            Share::CatalogueWriters => self.writer_wait(),
            Share::Whole | Share::Catalogue => Duration::ZERO,
        };
        let wait = self.pool.wait.saturating_add(wait).min(self.settings.timeout);
        let until = Instant::now() + wait;
        match self.shares.take_turn(share, until).await {
            Ok(turn) => Ok(turn),
            // As in `lease`: those who were before this call wait for a connection themselves.
            Err(_) if Instant::now() >= until && self.has_no_connection().await => {
                let permit = self.permit(circuit).await?;
                Err(self.unreachable(permit, circuit, operation, NO_CONNECTION))
            }
            Err(cause) => Err(self.overloaded(circuit, operation, cause)),
        }
    }

    async fn permit(&self, circuit: Circuit) -> Result<Permit, DbError> {
        let granted = self.breaker.send(Checkout(circuit)).await.map_err(|_| DbError::Stopped)?;
        granted.map_err(DbError::unavailable)
    }

    /// Counts and logs that no connection could be opened, and returns its error.
    fn unreachable(
        &self,
        mut permit: Permit,
        circuit: Circuit,
        operation: &'static str,
        cause: &str,
    ) -> DbError {
        permit.set_failure(FailureCause::Unreachable, cause);
        self.events.no_connection(circuit, operation, cause);
        DbError::unavailable(None)
    }

    async fn has_no_connection(&self) -> bool {
        self.report().await.is_ok_and(|(_, pool)| pool.active == 0 && pool.idle == 0)
    }

    /// Returns how long a change of the catalogue may wait for another one in the database.
    pub(in crate::actors::db_breaker) fn writer_wait(&self) -> Duration {
        ServerLimits::of(self.settings.timeout).lock
    }

    /// Returns how long a change of the catalogue waits in the database until the server ends it.
    pub(in crate::actors::db_breaker) fn longest_wait(&self) -> Duration {
        ServerLimits::of(self.settings.timeout).statement
    }

    /// Obtains a permit and a connection.
    pub(in crate::actors::db_breaker) async fn lease(
        &self,
        circuit: Circuit,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<Lease, DbError> {
        // The circuit may have opened while the call waited for its turn.
        self.ensure_permitted(circuit)?;
        let _waiter = Waiter::new(&self.waiting);
        let permit = self.permit(circuit).await?;
        let connected = async {
            tokio::select! {
                connection = pool::get(&permit.pool) => connection.ok(),
                () = self.errors.next(), if self.embedded.is_some() => None,
            }
        };
        if let Ok(Some(connection)) = timeout_at(deadline, connected).await {
            self.errors.take();
            return Ok(Lease::new(connection, permit, self.cancel.clone()));
        }
        // A pool whose connections are all busy is overload, also if the server permits no further
        // ones. Otherwise the server could not be reached.
        let cause = self.errors.take();
        // All callers that wait for the one connection of the embedded database fail together.
        let cause = cause.or_else(|| self.embedded.as_ref().and_then(|_| self.errors.previous()));
        let is_busy =
            permit.pool.state().connections > 0 && cause.as_deref().is_none_or(is_connection_limit);
        if is_busy {
            // The operator cannot see this limit in the size of the pool.
            let limit = cause.map(|error| format!(", and no further one was opened: {error}"));
            let busy = format!("all connections are busy{}", limit.unwrap_or_default());
            return Err(self.overloaded(circuit, operation, &busy));
        }
        let cause = cause.unwrap_or_else(|| NO_CONNECTION.to_owned());
        let explanation = self.explain_failure().await;
        let cause = explanation.map_or(cause.clone(), |full| format!("{full}: {cause}"));
        Err(self.unreachable(permit, circuit, operation, &cause))
    }

    /// Returns and logs why the disk of the embedded database cannot be written to, if it cannot.
    pub(super) async fn explain_failure(&self) -> Option<String> {
        let failure = self.embedded.as_ref()?.failure().await?;
        self.events.storage_failed(&failure);
        Some(failure)
    }

    /// Whether a call of this circuit would be refused at once.
    pub fn is_refusing(&self, circuit: Circuit) -> bool {
        self.snapshot.refuses_for(circuit, std::time::Instant::now()).is_some()
    }

    /// Refuses a call of an open circuit without a message to the actor.
    fn ensure_permitted(&self, circuit: Circuit) -> Result<(), DbError> {
        // A stopped actor never closes the circuits that the snapshot shows as open.
        if !self.is_running() {
            return Err(DbError::Stopped);
        }
        let refusal = self.snapshot.refusal(circuit, std::time::Instant::now());
        refusal.map_or(Ok(()), |retry_after| Err(DbError::unavailable(Some(retry_after))))
    }

    /// Logs that a limit of this process refuses a call, and returns its error.
    pub(in crate::actors::db_breaker) fn overloaded(
        &self,
        circuit: Circuit,
        operation: &'static str,
        cause: &str,
    ) -> DbError {
        self.events.no_connection(circuit, operation, cause);
        DbError::overloaded()
    }
}

/// Counts one caller that waits for a connection, until it is dropped.
struct Waiter(Arc<AtomicU64>);

impl Waiter {
    fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
