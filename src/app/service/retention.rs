//! Deletes ended sessions, API keys, password resets and stored responses after their retention.
//! Audit events are purged by `audit_tasks`; hits of rate limits by the requests that follow.

use std::time::Duration;

use actix_web::web;
use chrono::TimeDelta;
use strum::IntoEnumIterator;

use crate::actors::db_breaker::Circuit;
use crate::config::Config;
use crate::http::AppState;
use crate::storage::retention::{self, EndedRows};
use crate::telemetry::error_chain;

const INTERVAL: Duration = Duration::from_hours(1);
/// Most rows (of sessions: token families) that one statement deletes.
const BATCH: i64 = 1000;
/// Pause between two batches, so that other statements get their turn.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// Days for which ended rows are kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Retention {
    sessions: u32,
    /// 0 keeps them for ever.
    api_keys: u32,
}

impl Retention {
    /// Reads the retention times.
    pub(in crate::app) fn from_config(config: &Config) -> Self {
        let service = &config.service;
        Self { sessions: service.session_retention_days, api_keys: service.api_key_retention_days }
    }

    /// Returns for how long ended rows are kept; none for ever.
    fn for_rows(self, rows: EndedRows) -> Option<TimeDelta> {
        let days = match rows {
            EndedRows::Sessions => self.sessions,
            EndedRows::ApiKeys if self.api_keys == 0 => return None,
            EndedRows::ApiKeys => self.api_keys,
            // A day later no request can refer to them, whatever the clocks of the processes say.
            EndedRows::PasswordResets | EndedRows::IdempotencyKeys => 1,
        };
        Some(TimeDelta::days(days.into()))
    }
}

/// Deletes ended rows once an hour, until aborted.
pub(in crate::app) async fn delete_ended(state: web::Data<AppState>, retention: Retention) {
    state.operations.readiness.until_prepared().await;
    loop {
        for rows in EndedRows::iter() {
            if let Some(kept) = retention.for_rows(rows) {
                delete_ended_rows(&state, rows, kept).await;
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn delete_ended_rows(state: &AppState, rows: EndedRows, kept: TimeDelta) {
    let Some(cutoff) = state.clock.now().checked_sub_signed(kept) else { return };
    let (circuit, operation) = match rows {
        EndedRows::Sessions => (Circuit::Auth, "sessions.delete_ended"),
        EndedRows::ApiKeys => (Circuit::ApiKeys, "api_keys.delete_ended"),
        EndedRows::PasswordResets => (Circuit::Auth, "password_resets.delete_ended"),
        EndedRows::IdempotencyKeys => (Circuit::Metrics, "idempotency_keys.delete_ended"),
    };
    let mut all = 0_usize;
    loop {
        let deleted = state.db.run(circuit, operation, async |conn| {
            retention::delete_ended(conn, rows, cutoff, BATCH).await
        });
        match deleted.await {
            Ok(0) => break,
            Ok(deleted) => all = all.saturating_add(deleted),
            Err(error) => {
                slog::warn!(state.logger, "failed to delete ended rows";
                    "table" => rows.as_ref(), "error" => error_chain(&error));
                break;
            }
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    if all > 0 {
        slog::info!(state.logger, "ended rows deleted";
            "table" => rows.as_ref(), "rows" => all, "older_than_days" => kept.num_days());
    }
}
