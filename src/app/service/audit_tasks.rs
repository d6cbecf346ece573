//! The audit log in the background: refusals are written, old rows are purged.

use std::time::Duration;

use actix_web::web;
use chrono::TimeDelta;
use serde_json::json;

use crate::actors::db_breaker::Circuit;
use crate::clock::rfc3339;
use crate::http::{AppState, auditing};
use crate::model::audit::Action;
use crate::storage::audit_events::{self, Actor};

/// For how long refusals of one kind are counted together.
const INTERVAL: Duration = Duration::from_mins(1);
/// How long the first of a kind waits for others that are new: at most two statements a second.
const GATHER: Duration = Duration::from_millis(500);
/// How often old rows are purged.
const PURGE_EVERY: Duration = Duration::from_hours(24);
/// Rows deleted in one transaction.
const BATCH: i64 = 1000;
/// Between two batches, so that others get their turn.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes refusals for ever: the first of a kind soon, the rest at the end of the interval.
pub(in crate::app) async fn write_refusals(state: web::Data<AppState>) {
    state.prepared().await;
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let all = tokio::select! {
            _ = interval.tick() => true,
            () = state.audit.woken() => {
                tokio::time::sleep(GATHER).await;
                false
            }
        };
        auditing::flush(&state, all).await;
    }
}

/// Purges rows older than so many days, once a day; 0 keeps them for ever.
pub(in crate::app) async fn purge_old(state: web::Data<AppState>, days: u32) {
    if days == 0 {
        return;
    }
    state.prepared().await;
    loop {
        purge(&state, days).await;
        tokio::time::sleep(PURGE_EVERY).await;
    }
}

/// Purges in batches until nothing is left to be purged.
async fn purge(state: &web::Data<AppState>, days: u32) {
    let Some(older_than) = state.clock.now().checked_sub_signed(TimeDelta::days(days.into()))
    else {
        return;
    };
    loop {
        let (actor, now) = (Actor::system(), state.clock.now());
        let purged = state.db.transaction(Circuit::Auth, "purge_audit_events", async |conn| {
            let rows = audit_events::purge(conn, older_than, BATCH).await?;
            if rows > 0 {
                let details = json!({ "rows": rows, "older_than": rfc3339(older_than) });
                audit_events::record(
                    conn,
                    &actor,
                    Action::AuditPurged,
                    "audit_events",
                    &details,
                    now,
                )
                .await?;
            }
            Ok(rows)
        });
        match purged.await {
            Ok(rows) => {
                auditing::log_committed(state, &actor.trail);
                if rows < BATCH {
                    return;
                }
            }
            Err(error) => {
                slog::warn!(state.logger, "failed to purge audit events"; "error" => format!("{error:?}"));
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
