//! Whether the database answers, for `/health/ready`: however many ask, they cost one round trip a
//! second in total and never more than one pool connection.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web;
use diesel_async::RunQueryDsl;
use tokio::sync::watch;

use super::AppState;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle, DbError};

/// How often the database is asked at most.
const EVERY: Duration = Duration::from_secs(1);
/// How long its answer is waited for, the wait for a connection included.
const LIMIT: Duration = Duration::from_secs(2);

/// What the last round trip said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseHealth {
    Ok,
    /// It does not answer in time, or its circuit is open.
    Unavailable,
    /// This process cannot ask any more.
    Stopped,
}

/// The last check, or the one under way.
#[derive(Debug, Default)]
pub struct DatabaseCheck(Mutex<Option<Check>>);

#[derive(Debug)]
struct Check {
    began: Instant,
    /// None until it has ended.
    health: watch::Receiver<Option<DatabaseHealth>>,
}

impl DatabaseCheck {
    /// What the database said within the last second, or says now.
    pub async fn health(state: &web::Data<AppState>, now: Instant) -> DatabaseHealth {
        let mut health = state.database_check.current(&state.db, now);
        let ended = tokio::time::timeout(LIMIT + EVERY, health.wait_for(Option::is_some)).await;
        match ended {
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
        // A task of its own: who asked first may go away while others wait.
        actix_web::rt::spawn(async move {
            let health = ping(&db).await;
            let _ = sender.send(Some(health));
        });
        *last = Some(Check { began: now, health: health.clone() });
        health
    }
}

impl Check {
    /// Whether it counts still: it began less than a second ago, or has not ended (its sender
    /// lives).
    fn is_current(&self, now: Instant) -> bool {
        let is_running = self.health.borrow().is_none() && self.health.has_changed().is_ok();
        is_running || now.saturating_duration_since(self.began) < EVERY
    }
}

async fn ping(db: &DbBreakerHandle) -> DatabaseHealth {
    let asked = db.run(Circuit::Auth, "ping", async |conn| {
        diesel::sql_query("SELECT 1").execute(conn).await?;
        Ok(())
    });
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(())) => DatabaseHealth::Ok,
        Ok(Err(DbError::Stopped)) => DatabaseHealth::Stopped,
        Ok(Err(_)) | Err(_) => DatabaseHealth::Unavailable,
    }
}
