//! Background tasks of the audit log: refusals are written, old rows are purged.

use std::time::Duration;

use actix_web::web;
use chrono::TimeDelta;

use crate::actors::db_breaker::Circuit;
use crate::http::{AppState, auditing};
use crate::storage::audit_events::{self, Actor};
use crate::telemetry::error_chain;

/// Interval in which refusals of one kind are counted together.
const INTERVAL: Duration = Duration::from_mins(1);
/// Delay before the first refusal of a kind is written, which bounds statements to two a second.
const FIRST_WRITE_DELAY: Duration = Duration::from_millis(500);
/// Interval between two purges.
const PURGE_INTERVAL: Duration = Duration::from_hours(24);
/// Most rows that one transaction deletes.
const PURGE_BATCH: i64 = 1000;
/// Pause between two batches, so that other transactions get their turn.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// Writes refusals until aborted: the first of a kind soon, the rest at the end of the interval.
pub(in crate::app) async fn write_refusals(state: web::Data<AppState>) {
    state.operations.readiness.until_prepared().await;
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let all = tokio::select! {
            _ = interval.tick() => true,
            () = state.audit.wait_for_work() => {
                tokio::time::sleep(FIRST_WRITE_DELAY).await;
                false
            }
        };
        auditing::flush(&state, all).await;
    }
}

/// Purges rows older than `days` once a day; 0 keeps all rows.
pub(in crate::app) async fn purge_old(state: web::Data<AppState>, days: u32) {
    if days == 0 {
        return;
    }
    state.operations.readiness.until_prepared().await;
    loop {
        purge(&state, days).await;
        tokio::time::sleep(PURGE_INTERVAL).await;
    }
}

/// Purges in batches until no row is older than `days`.
async fn purge(state: &web::Data<AppState>, days: u32) {
    let Some(older_than) = state.clock.now().checked_sub_signed(TimeDelta::days(days.into()))
    else {
        return;
    };
    loop {
        let actor = Actor::system();
        let purged = state.db.transaction(Circuit::Auth, "audit_events.purge", async |conn| {
            audit_events::purge(conn, &actor, older_than, PURGE_BATCH).await
        });
        match purged.await {
            Ok(rows) => {
                auditing::log_committed(&state.db, &state.logger, &actor.trail);
                if rows < PURGE_BATCH {
                    return;
                }
            }
            Err(error) => {
                slog::warn!(state.logger, "failed to purge audit events";
                    "error" => error_chain(&error));
                return;
            }
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
}
