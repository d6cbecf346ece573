//! How a call gets a permit and a connection, and what limits that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Instant, timeout_at};

use super::DbBreakerHandle;
use crate::actors::db_breaker::circuit::Circuit;
use crate::actors::db_breaker::error::DbError;
use crate::actors::db_breaker::failure_cause::FailureCause;
use crate::actors::db_breaker::lease::Lease;
use crate::actors::db_breaker::messages::Checkout;
use crate::actors::db_breaker::pool;
use crate::actors::db_breaker::verdict::is_connection_limit;

/// Callers that may wait for each connection of the pool; more are refused.
const MAX_WAITERS_PER_CONNECTION: u64 = 32;

impl DbBreakerHandle {
    /// Obtains a permit and a connection.
    pub(in crate::actors::db_breaker) async fn lease(
        &self,
        circuit: Circuit,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<Lease, DbError> {
        // A stopped actor never closes the circuits that the snapshot shows as open.
        if !self.is_running() {
            return Err(DbError::Stopped);
        }
        if let Some(retry_after) = self.snapshot.refusal(circuit, std::time::Instant::now()) {
            return Err(DbError::unavailable(Some(retry_after)));
        }
        let _waiter = Waiter::enter(
            &self.waiting,
            u64::from(self.pool.max).saturating_mul(MAX_WAITERS_PER_CONNECTION),
        )
        .ok_or_else(|| self.overloaded(circuit, operation, "too many callers wait for one"))?;
        let granted = self.breaker.send(Checkout(circuit)).await.map_err(|_| DbError::Stopped)?;
        let mut permit = granted.map_err(DbError::unavailable)?;
        if let Ok(Ok(connection)) = timeout_at(deadline, pool::get(&permit.pool)).await {
            self.errors.take();
            return Ok(Lease::new(connection, permit, self.cancel.clone()));
        }
        // A pool whose connections are all busy is overload, also if the server permits no further
        // ones. Otherwise the server could not be reached.
        let cause = self.errors.take();
        let is_busy =
            permit.pool.state().connections > 0 && cause.as_deref().is_none_or(is_connection_limit);
        if is_busy {
            return Err(self.overloaded(circuit, operation, "all connections are busy"));
        }
        let cause = cause.unwrap_or_else(|| "no connection was opened in time".to_owned());
        permit.set_failure(FailureCause::Unreachable, &cause);
        self.events.no_connection(circuit, operation, &cause);
        Err(DbError::unavailable(None))
    }

    /// Logs that a limit of this process refuses a call, and returns its error.
    fn overloaded(&self, circuit: Circuit, operation: &'static str, cause: &str) -> DbError {
        self.events.no_connection(circuit, operation, cause);
        DbError::overloaded()
    }
}

/// Counts one caller that waits for a connection, until it is dropped.
struct Waiter(Arc<AtomicU64>);

impl Waiter {
    fn enter(count: &Arc<AtomicU64>, max: u64) -> Option<Self> {
        let waiter = Self(Arc::clone(count));
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(waiter)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
