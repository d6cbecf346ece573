//! Exchanges the hit counts of callers between processes once a second, so that a caller's quota
//! holds for all processes together. While the database is unavailable each process counts alone.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::rate_limit::caller_windows::{CallerId, first_slot};
use crate::rate_limit::shared_window::{TimeSlot, slot_length};
use crate::storage::caller_hits::{self, SlotHits};
use crate::telemetry::error_chain;

const INTERVAL: Duration = Duration::from_secs(1);
/// Exchanges between two removals of old rows.
const EXCHANGES_PER_SWEEP: u32 = 60;

/// Exchanges until aborted. Without requests of callers there is no statement.
pub(in crate::app) async fn run(state: web::Data<AppState>) {
    let Some(quota) = state.rate_limiter.caller_quota().filter(|_| state.rate_limiter.is_enabled())
    else {
        return;
    };
    state.operations.readiness.until_prepared().await;
    let (process_id, mut exchanges) = (Uuid::now_v7(), 0_u32);
    loop {
        tokio::time::sleep(INTERVAL).await;
        if exchange(&state, process_id, quota.window).await {
            exchanges = exchanges.saturating_add(1);
        }
        if exchanges >= EXCHANGES_PER_SWEEP {
            exchanges = 0;
            let now = state.clock.now().timestamp_millis();
            let swept = state.db.run(Circuit::Auth, "caller_hits.sweep", async |conn| {
                caller_hits::sweep(conn, now).await
            });
            if let Err(error) = swept.await {
                slog::debug!(state.logger, "failed to remove old caller hits";
                    "error" => error_chain(&error));
            }
        }
    }
}

/// Exchanges once; `false` if there was nothing to exchange.
async fn exchange(state: &AppState, process_id: Uuid, window: i64) -> bool {
    let (callers, now) = (state.rate_limiter.callers(), state.clock.now().timestamp_millis());
    let batch = callers.take_batch(window, now);
    if batch.callers.is_empty() {
        return false;
    }
    let subjects: HashMap<String, CallerId> =
        batch.callers.iter().map(|caller| (caller.to_string(), *caller)).collect();
    let names: Vec<String> = subjects.keys().cloned().collect();
    let own = |(caller, slot): &(CallerId, TimeSlot)| SlotHits {
        subject: caller.to_string(),
        slot_at: slot.at,
        hits: i32::try_from(slot.hits).unwrap_or(i32::MAX),
    };
    let own: Vec<SlotHits> = batch.unsent.iter().map(own).collect();
    let times = (first_slot(window, now), window.saturating_add(slot_length(window)));
    let read = state.db.run(Circuit::Auth, "caller_hits.exchange", async |conn| {
        caller_hits::exchange(conn, process_id, &own, &names, times).await
    });
    match read.await {
        Ok(rows) => {
            let mut others: HashMap<CallerId, Vec<TimeSlot>> = HashMap::new();
            for row in rows {
                if let Some(caller) = subjects.get(&row.subject) {
                    let slot =
                        TimeSlot { at: row.slot_at, hits: usize::try_from(row.hits).unwrap_or(0) };
                    others.entry(*caller).or_default().push(slot);
                }
            }
            callers.complete_exchange(batch, others, window, now);
        }
        Err(_) => callers.retry_exchange(batch),
    }
    true
}
