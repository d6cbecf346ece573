//! The database check of `/health/ready`. All requests together cost at most one round trip a
//! second and one pool connection.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::actors::db_breaker::{Circuit, CircuitState, DbBreakerHandle, DbError};
use crate::storage;

/// How long a result is reused.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time limit of a check, including the wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseHealth {
    /// The database answered, or our own calls keep all connections busy: without this instance the
    /// load of the others would be higher still.
    Ok,
    /// The database did not answer in time, or the circuit is open.
    Unavailable,
    /// The database circuit breaker of this process has stopped.
    Stopped,
}

/// The last check, finished or running.
#[derive(Debug, Default)]
pub struct DatabaseCheck(Mutex<Option<Check>>);

#[derive(Debug)]
struct Check {
    began: Instant,
    /// `None` while the check runs.
    health: watch::Receiver<Option<DatabaseHealth>>,
}

impl DatabaseCheck {
    /// Returns the result of the last second, or of a new check.
    pub async fn health(&self, db: &DbBreakerHandle, now: Instant) -> DatabaseHealth {
        let mut health = self.current(db, now);
        let ended = tokio::time::timeout(TIMEOUT + INTERVAL, health.wait_for(Option::is_some));
        match ended.await {
            Ok(Ok(health)) => health.unwrap_or(DatabaseHealth::Unavailable),
            Ok(Err(_)) | Err(_) => DatabaseHealth::Unavailable,
        }
    }

    fn current(
        &self,
        db: &DbBreakerHandle,
        now: Instant,
    ) -> watch::Receiver<Option<DatabaseHealth>> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(check) = last.as_ref().filter(|check| check.is_current(now)) {
            return check.health.clone();
        }
        let (sender, health) = watch::channel(None);
        let db = db.clone();
        // A task of its own: the first request may be cancelled while others wait.
        actix_web::rt::spawn(async move {
            let health = ping(&db).await;
            let _ = sender.send(Some(health));
        });
        *last = Some(Check { began: now, health: health.clone() });
        health
    }
}

impl Check {
    /// Whether the check is running, or began within the last [`INTERVAL`].
    fn is_current(&self, now: Instant) -> bool {
        let is_running = self.health.borrow().is_none() && self.health.has_changed().is_ok();
        is_running || now.saturating_duration_since(self.began) < INTERVAL
    }
}

async fn ping(db: &DbBreakerHandle) -> DatabaseHealth {
    let has_connection = Cell::new(false);
    let pinged = db.run(Circuit::Auth, "server.ping", async |conn| {
        has_connection.set(true);
        storage::health::ping(conn).await
    });
    match tokio::time::timeout(TIMEOUT, pinged).await {
        Ok(Ok(()) | Err(DbError::Overloaded { .. })) => DatabaseHealth::Ok,
        Ok(Err(DbError::Stopped)) => DatabaseHealth::Stopped,
        // The limit of the wait for a connection may be longer than that of a check.
        Err(_) if !has_connection.get() && is_busy(db).await => DatabaseHealth::Ok,
        Ok(Err(_)) | Err(_) => DatabaseHealth::Unavailable,
    }
}

/// Whether the calls of this process keep all connections of the pool busy, and the database was
/// not found unavailable. If they hang, the circuit opens after their time limit.
async fn is_busy(db: &DbBreakerHandle) -> bool {
    db.report().await.is_ok_and(|(circuits, pool)| {
        let mut auth = circuits.iter().filter(|report| report.circuit == Circuit::Auth);
        pool.active >= pool.max && auth.all(|report| report.state == CircuitState::Closed)
    })
}
