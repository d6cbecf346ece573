//! Exchanges what processes have counted of callers with their own rate limit, once a second. While
//! the database is unavailable each process counts for itself.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web;
use uuid::Uuid;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::rate_limit::caller_windows::{CallerId, first_slot};
use crate::rate_limit::shared_window::{Slot, slot_length};
use crate::storage::caller_hits::{self, SlotHits};

const EVERY: Duration = Duration::from_secs(1);
/// Old rows are removed after so many exchanges.
const SWEEP: u32 = 60;

/// Exchanges for ever; without requests there is no statement.
pub(in crate::app) async fn run(state: web::Data<AppState>) {
    let Some(quota) = state.limits.caller_quota().filter(|_| state.limits.is_enabled()) else {
        return;
    };
    state.prepared().await;
    let (process_id, mut exchanges) = (Uuid::now_v7(), 0_u32);
    loop {
        tokio::time::sleep(EVERY).await;
        if exchange(&state, process_id, quota.window).await {
            exchanges = exchanges.saturating_add(1);
        }
        if exchanges >= SWEEP {
            exchanges = 0;
            let now = state.clock.now().timestamp_millis();
            let swept = state.db.run(Circuit::Auth, "sweep_caller_hits", async |conn| {
                caller_hits::sweep(conn, now).await
            });
            if let Err(error) = swept.await {
                slog::debug!(state.logger, "old counts of callers not removed"; "error" => format!("{error:?}"));
            }
        }
    }
}

/// Whether there was something to exchange.
async fn exchange(state: &AppState, process_id: Uuid, window: i64) -> bool {
    let (callers, now) = (state.limits.callers(), state.clock.now().timestamp_millis());
    let batch = callers.batch(window, now);
    if batch.callers.is_empty() {
        return false;
    }
    let subjects: HashMap<String, CallerId> =
        batch.callers.iter().map(|caller| (caller.to_string(), *caller)).collect();
    let names: Vec<String> = subjects.keys().cloned().collect();
    let own = |(caller, slot): &(CallerId, Slot)| SlotHits {
        subject: caller.to_string(),
        slot_at: slot.at,
        hits: i32::try_from(slot.hits).unwrap_or(i32::MAX),
    };
    let own: Vec<SlotHits> = batch.unsent.iter().map(own).collect();
    let times = (first_slot(window, now), window.saturating_add(slot_length(window)));
    let read = state.db.run(Circuit::Auth, "exchange_caller_hits", async |conn| {
        caller_hits::exchange(conn, process_id, &own, &names, times).await
    });
    match read.await {
        Ok(rows) => {
            let mut others: HashMap<CallerId, Vec<Slot>> = HashMap::new();
            for row in rows {
                if let Some(caller) = subjects.get(&row.subject) {
                    let slot =
                        Slot { at: row.slot_at, hits: usize::try_from(row.hits).unwrap_or(0) };
                    others.entry(*caller).or_default().push(slot);
                }
            }
            callers.exchanged(batch, others, window, now);
        }
        Err(_) => callers.failed(batch),
    }
    true
}
